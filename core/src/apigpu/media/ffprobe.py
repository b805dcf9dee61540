"""What ffprobe says of a file, as it says it, and why it refuses one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigpu.errors import FFmpegError, InputError
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.process import Completed, capture
from apigpu.media.limits import Limits
from apigpu.media.sniff import FileKind, Sniffed
from apigpu.media.timing import Packet

PROTOCOLS = "file,pipe,fd"

DEMUXERS = (
    "aac", "ac3", "aiff", "amr", "ape", "apng", "asf", "au", "av1", "avi", "caf", "dsf", "dts", "dtshd", "dv",
    "eac3", "flac", "flv", "gif", "gxf", "h264", "hevc", "ivf", "live_flv", "m4v", "matroska", "mov", "mp3", "mpeg",
    "mpegts", "mpegvideo", "mxf", "nut", "obu", "ogg", "rm", "tak", "truehd", "tta", "vc1", "w64", "wav",
    "wtv", "wv", "yuv4mpegpipe",
)  # fmt: skip
"""Demuxers that open one file and nothing else. Playlists are not among them: they would open what they name."""

HEAD_PACKETS = 400
TAIL_PACKETS = 2000

_FAR_S = 999_999
"""Seeking there lands on the last key frame in every container but FLV and PCM, which find nothing."""

_PACKET_ENTRIES = "packet=stream_index,pts_time,dts_time,duration_time,pos,flags"
_BYTES_A_PACKET = 400


@dataclass(frozen=True)
class Report:
    """ffprobe's `format` and `streams`, and the packets of the file's beginning and of its end.

    `head` is the whole file where `head_is_all`. `tail` is empty where the end could not be reached.
    """

    format: Mapping[str, Any]
    streams: tuple[Mapping[str, Any], ...]
    head: tuple[Packet, ...]
    tail: tuple[Packet, ...]
    head_is_all: bool
    stderr: str


async def report(path: Path, *, binaries: Binaries, limits: Limits, seen: Sniffed) -> Report:
    """Ask ffprobe about a file, once. Raises InputError where it cannot read it, in words for the user."""
    intervals = f"%+#{HEAD_PACKETS},{_FAR_S}%+#{TAIL_PACKETS}"
    asked = (
        "-of",
        "json=c=1",
        "-show_format",
        "-show_streams",
        "-show_entries",
        _PACKET_ENTRIES,
        "-read_intervals",
        intervals,
    )
    done = await _ffprobe(path, asked, binaries=binaries, limits=limits, max_packets=HEAD_PACKETS + TAIL_PACKETS)
    said = _parse(done)
    streams = tuple(said.get("streams", ()))
    if done.exit_code != 0 or not streams:
        raise _refusal(_text(done.stderr), seen)
    packets = tuple(_packets(said))
    head = _head(packets)
    tail = packets[len(head) :]
    return Report(
        format=said.get("format", {}),
        streams=streams,
        head=head,
        tail=() if len(tail) == TAIL_PACKETS else tail,  # a tail that fills its bound has not come to the end
        head_is_all=len(head) < HEAD_PACKETS,
        stderr=_text(done.stderr),
    )


def _head(packets: tuple[Packet, ...]) -> tuple[Packet, ...]:
    """The packets of the first interval. A short file ends within it, and the second begins with repetitions."""
    seen: set[Packet] = set()
    for number, packet in enumerate(packets[:HEAD_PACKETS]):
        if packet in seen:
            return packets[:number]
        seen.add(packet)
    return packets[:HEAD_PACKETS]


async def packets_from(
    path: Path, start_s: float, *, binaries: Binaries, limits: Limits, max_packets: int
) -> tuple[Packet, ...]:
    """The packets from the key frame before `start_s` to the end; none if there are more than `max_packets`."""
    interval = f"{start_s:.3f}%+#{max_packets}" if start_s > 0 else f"%+#{max_packets}"
    asked = ("-of", "csv=p=0", "-show_entries", _PACKET_ENTRIES, "-read_intervals", interval)
    done = await _ffprobe(path, asked, binaries=binaries, limits=limits, max_packets=max_packets)
    packets = await asyncio.to_thread(_packets_of_lines, done.stdout)
    return () if len(packets) >= max_packets else packets


async def _ffprobe(
    path: Path, asked: tuple[str, ...], *, binaries: Binaries, limits: Limits, max_packets: int
) -> Completed:
    argv = (
        binaries.ffprobe, "-v", "warning",
        "-protocol_whitelist", PROTOCOLS, "-format_whitelist", ",".join(DEMUXERS),
        *asked, f"file:{path}",
    )  # fmt: skip
    max_bytes = (1 << 20) + max_packets * _BYTES_A_PACKET
    try:
        return await capture(argv, timeout_s=limits.probe_timeout_s, max_bytes=max_bytes)
    except FFmpegError as error:
        raise InputError(
            f"the file could not be read within {limits.probe_timeout_s:g} seconds.",
            code="probe_timeout",
            remedy="It may be damaged, or too long: try to convert it first.",
        ) from error


def _parse(done: Completed) -> dict[str, Any]:
    try:
        said = json.loads(done.stdout.decode("utf-8", "replace"))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _packets(said: Mapping[str, Any]) -> Iterator[Packet]:
    for raw in said.get("packets", ()):
        yield Packet(
            stream=int(raw.get("stream_index", -1)),
            pts_s=seconds(raw.get("pts_time")),
            dts_s=seconds(raw.get("dts_time")),
            duration_s=seconds(raw.get("duration_time")),
            position=str(raw.get("pos", "")),
            is_discarded="D" in raw.get("flags", ""),
        )


def _packets_of_lines(lines: bytes) -> tuple[Packet, ...]:
    """Packets in CSV: an hour has 300,000 of them, and JSON takes five times as long."""
    rows = (line.split(",") for line in lines.decode("ascii", "replace").splitlines())
    return tuple(
        Packet(int(row[0]), seconds(row[1]), seconds(row[2]), seconds(row[3]), row[4], "D" in row[5])
        for row in rows
        if len(row) >= 6 and row[0].isdecimal()  # side data come as short rows of their own
    )


def seconds(text: object) -> float | None:
    """A time as ffprobe prints it; None for `N/A` and for what is missing."""
    try:
        return float(str(text))
    except ValueError:
        return None


def _text(stderr: bytes) -> str:
    return stderr.decode("utf-8", "replace")


def _refusal(stderr: str, seen: Sniffed) -> InputError:
    if "moov atom not found" in stderr and seen.kind is FileKind.MEDIA:
        return InputError(
            "the file is cut off: it is an MP4 without its index (the moov atom), which stands at the end.",
            code="truncated",
            remedy="Upload or download it again; perhaps its recording was not finished.",
        )
    if "not on whitelist" in stderr or "not in whitelist" in stderr:
        return InputError(
            "the file is a playlist, a manifest or of another format that is not accepted.",
            code="unsupported_media",
            remedy="Send the media file itself, such as an MP4, WebM, MP3 or WAV.",
        )
    return InputError(
        f"the file cannot be read as sound or video; it is {seen.name}.",
        code="not_media",
        remedy="Check that it is whole and that the address leads to the file itself.",
    )
