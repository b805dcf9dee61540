"""How far two videos are apart: luma frame by frame, times, and sound."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apigpu.errors import FFmpegError
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.process import capture_sync
from apigpu.plan import Plan

_TIMEOUT_S = 600.0
# Frames are paired by number: the two files may count their times from different zeros.
_BY_NUMBER = "settb=1/25,setpts=N,format=yuv420p"
_LOSSLESS = ("-preset", "ultrafast", "-qp", "0")
_TICK_S = 0.0011  # Matroska's, the coarsest of the containers


@dataclass(frozen=True)
class Likeness:
    """PSNR of luma in dB, infinite for equal pictures: the worst frame's, and that of all frames together."""

    worst_db: float
    mean_db: float


def likeness(one: Path, other: Path, binaries: Binaries) -> Likeness:
    """Of two videos of equal size and count of frames. Raises FFmpegError."""
    graph = f"[0:v]{_BY_NUMBER}[a];[1:v]{_BY_NUMBER}[b];[a][b]psnr=stats_file=-"
    words = ("-noautorotate", "-i", str(one), "-noautorotate", "-i", str(other), "-lavfi", graph, "-f", "null", "-")
    said = _told(binaries.ffmpeg, "-nostdin", *words)
    errors = [float(value) for value in re.findall(r"\bmse_y:(\S+)", said)]
    if not errors:
        raise FFmpegError("FFmpeg compared no frame.", code="nothing_compared", argv=(binaries.ffmpeg, *words))
    return Likeness(_psnr_db(max(errors)), _psnr_db(sum(errors) / len(errors)))


def times_s(video: Path, binaries: Binaries) -> list[float]:
    """When each frame is shown, in order."""
    words = ("-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0")
    return sorted(float(line.strip(",")) for line in _told(binaries.ffprobe, *words, str(video)).split())


def is_same_time(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(abs(a - b) < _TICK_S for a, b in zip(one, other, strict=True))


def sound_md5(video: Path, binaries: Binaries) -> str:
    """A checksum of the sound as it is stored, or of nothing."""
    return _told(
        binaries.ffmpeg, "-nostdin", "-i", str(video), "-map", "0:a?", "-c", "copy", "-f", "md5", "-"
    ).strip()


def lossless(plan: Plan) -> Plan:
    """The plan with a libx264 that loses nothing, so that what remains different was done by filters."""
    words = list(plan.steps[-1].arguments)
    if "libx264" not in words:
        return plan
    for option in ("-preset", "-crf"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    arguments = (*words[:-1], *_LOSSLESS, words[-1])
    return plan.model_copy(
        update={"steps": (*plan.steps[:-1], plan.steps[-1].model_copy(update={"arguments": arguments}))}
    )


def _psnr_db(mean_square_error: float) -> float:
    return 10 * math.log10(255**2 / mean_square_error) if mean_square_error else math.inf


def _told(program: str, *words: str) -> str:
    argv = (program, "-v", "error", *words)
    done = capture_sync(argv, timeout_s=_TIMEOUT_S)
    if done.exit_code:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise FFmpegError(f"the results cannot be compared: {said}", code="comparison_failed", argv=argv)
    return done.stdout.decode("utf-8", "replace")
