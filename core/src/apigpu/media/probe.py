"""Probing: from a file on disk to typed facts, or to a sentence that says why it cannot serve."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from apigpu.errors import InputError
from apigpu.ffmpeg.binary import Binaries
from apigpu.media.describe import audio_facts, is_picture, video_facts
from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts
from apigpu.media.ffprobe import TAIL_PACKETS, Report, packets_from, report, seconds
from apigpu.media.fields import MediaKind
from apigpu.media.limits import Limits
from apigpu.media.refusals import check_kind, missing_stream, read_head, wrong_media
from apigpu.media.sniff import FileKind, Sniffed, sniff
from apigpu.media.still import read_still
from apigpu.media.structure import container_is_whole, is_fragmented, png_outline
from apigpu.media.timeline import Timeline

__all__ = ["probe", "read_text"]

_DEFAULT_LIMITS = Limits()
_TAIL_S = 5.0


async def probe(
    path: Path, kind: MediaKind, *, binaries: Binaries, workdir: Path, limits: Limits = _DEFAULT_LIMITS
) -> MediaFile:
    """The facts of a file that is to serve as `kind`; its first picture or sound is there and within `limits`.

    A still that FFmpeg would read wrongly is written to `workdir` as an upright sRGB PNG, which the result then
    points to. Subtitles are not probed: see `read_text`.

    Raises:
        InputError: the file is missing, empty, unreadable, damaged beyond use, of another kind, or too large.
            `where` is left empty: the caller knows the field.
    """
    if kind is MediaKind.SUBTITLE:
        raise ValueError("subtitles are read with read_text, not probed")
    path = path.absolute()
    seen = sniff(read_head(path))
    if kind is MediaKind.IMAGE:
        check_kind(seen, kind)
        return await asyncio.to_thread(read_still, path, seen, workdir=workdir, limits=limits)
    if not _may_move(path, seen):
        check_kind(seen, kind)
    return await _probe_streams(path, kind, seen, binaries=binaries, limits=limits)


def read_text(path: Path, limits: Limits = _DEFAULT_LIMITS) -> bytes:
    """The bytes of a subtitle file, undecoded. Raises InputError if it is empty, too large, or no text."""
    head = read_head(path)
    check_kind(sniff(head), MediaKind.SUBTITLE)
    size = path.stat().st_size
    if size > limits.max_subtitle_bytes:
        raise InputError(
            f"the subtitle file has {size} bytes; the limit is {limits.max_subtitle_bytes}.",
            code="too_large",
            remedy="Send only the subtitles.",
        )
    return path.read_bytes()


def _may_move(path: Path, seen: Sniffed) -> bool:
    """True for an image format that may hold an animation which FFmpeg plays: GIF, and PNG that says so."""
    return seen.format == "GIF" or (seen.format == "PNG" and b"acTL" in png_outline(path).chunks)


async def _probe_streams(
    path: Path, kind: MediaKind, seen: Sniffed, *, binaries: Binaries, limits: Limits
) -> MediaFile:
    said = await report(path, binaries=binaries, limits=limits, seen=seen)
    limits.check_streams(len(said.streams))
    raws = {int(raw["index"]): raw for raw in said.streams}
    videos, audios = _videos(said), _audios(said)
    if seen.kind is FileKind.IMAGE and said.head_is_all and len(said.head) <= 1:
        raise wrong_media(seen.name, kind)
    if not (videos if kind is MediaKind.VIDEO else audios):
        raise missing_stream(_name(said, videos, audios), kind)
    for video in videos:
        limits.check_frame(video.width, video.height)
    timeline = await _timeline(path, said, binaries=binaries, limits=limits)
    videos = tuple(timeline.video(video, raws[video.index]) for video in videos)
    audios = tuple(timeline.audio(audio, raws[audio.index]) for audio in audios)
    streams: tuple[VideoFacts | AudioFacts, ...] = (*videos, *audios)
    duration_s, warnings = timeline.file_length(streams)
    limits.check_duration(max([duration_s, *(stream.duration_s for stream in streams)]))
    return MediaFile(
        path=str(path),
        format=str(said.format.get("format_name") or ""),
        size_bytes=path.stat().st_size,
        start_s=timeline.start_s(streams),
        duration_s=duration_s,
        videos=videos,
        audios=audios,
        subtitle_codecs=_subtitles(said),
        warnings=(*warnings, *_left_out(said, streams)),
    )


async def _timeline(path: Path, said: Report, *, binaries: Binaries, limits: Limits) -> Timeline:
    timeline = Timeline(said, container_is_whole(path), is_indexed=not is_fragmented(path))
    said_s = seconds(said.format.get("duration"))
    # FLV finds nothing beyond its end, but its last seconds.
    if timeline.needs_everything and timeline.is_whole and not said.tail and said_s:
        near_end = max(0.001, said_s - _TAIL_S)
        tail = await packets_from(path, near_end, binaries=binaries, limits=limits, max_packets=TAIL_PACKETS)
        timeline = replace(timeline, report=replace(said, tail=tail))
    if not timeline.needs_everything:
        return timeline
    everything = await packets_from(path, 0, binaries=binaries, limits=limits, max_packets=limits.max_packets)
    return replace(timeline, everything=everything)


def _videos(said: Report) -> tuple[VideoFacts, ...]:
    """Video streams that can be decoded; a stream whose size or format was not found cannot."""
    facts = [video_facts(raw) for raw in _of_type(said, "video") if not is_picture(raw)]
    return tuple(fact for fact in facts if fact.width and fact.height and fact.pix_fmt)


def _audios(said: Report) -> tuple[AudioFacts, ...]:
    facts = [audio_facts(raw) for raw in _of_type(said, "audio")]
    return tuple(fact for fact in facts if fact.codec and fact.sample_rate_hz and fact.channels)


def _subtitles(said: Report) -> tuple[str, ...]:
    return tuple(str(raw.get("codec_name") or "unknown") for raw in _of_type(said, "subtitle"))


def _of_type(said: Report, codec_type: str) -> list[Mapping[str, Any]]:
    return [raw for raw in said.streams if raw.get("codec_type") == codec_type]


def _left_out(said: Report, streams: tuple[VideoFacts | AudioFacts, ...]) -> tuple[str, ...]:
    used = {stream.index for stream in streams}
    lost = [
        str(raw["index"])
        for raw in (*_of_type(said, "video"), *_of_type(said, "audio"))
        if int(raw["index"]) not in used and not is_picture(raw)
    ]
    return (f"stream {', '.join(lost)} cannot be decoded and is left out.",) if lost else ()


def _name(said: Report, videos: tuple[VideoFacts, ...], audios: tuple[AudioFacts, ...]) -> str:
    """What a file is by its streams, for the sentence "it is NAME"."""
    container = str(said.format.get("format_name") or "unknown").split(",")[0]
    has_cover = any(is_picture(raw) for raw in _of_type(said, "video"))
    if videos:
        return f"a silent video ({container})"
    if audios:
        return f"a sound file ({container}, {audios[0].codec})" + (" with a cover picture" if has_cover else "")
    if subtitles := _subtitles(said):
        return f"a subtitle file ({subtitles[0]})"
    return f"a {container} file without a stream that can be decoded"
