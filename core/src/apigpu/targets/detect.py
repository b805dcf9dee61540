"""The target of the machine at hand, found by real one-frame runs rather than by lists.

FFmpeg lists NVENC on any machine, and a card that computes need not encode: only a run proves it.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from pathlib import Path

from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.ffmpeg.process import capture_sync
from apigpu.formats import Domain
from apigpu.targets.presets import NVDEC_CODECS, named_target, present
from apigpu.targets.target import Target

_TIMEOUT_S = 20.0
_BLACK = ("-f", "lavfi", "-i", "color=s=256x256:r=25:d=0.2,format=yuv420p")
_CUDA = ("-init_hw_device", "cuda=cu:0", "-filter_hw_device", "cu")
_ENCODERS = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")


def detect(binaries: Binaries, capabilities: Capabilities) -> Target:
    """What this machine can do; `reasons` says in sentences what is missing and what would mend it."""
    processor = named_target("cpu", capabilities)
    if not _has_driver():
        return _with_reason(processor, "There is no NVIDIA driver here (libcuda.so.1 cannot be loaded).")
    filters = ("-vf", "hwupload,scale_cuda=128:128", "-frames:v", "2", "-f", "null", "-")
    failure = _failure(binaries, (*_CUDA, *_BLACK, *filters))
    if failure:
        return _with_reason(processor, f"CUDA frames do not work: {failure}")
    reasons: list[str] = []
    nvenc: list[str] = []
    for name in _ENCODERS:
        if name not in capabilities.encoders:
            continue
        failure = _failure(binaries, (*_BLACK, "-frames:v", "3", "-c:v", name, "-f", "null", "-"))
        if failure:
            reasons.append(f"{name} does not work here, libx264 is used: {failure}")
        else:
            nvenc.append(name)
    return Target(
        "auto",
        capabilities,
        domains=frozenset({Domain.SYSTEM, Domain.CUDA}),
        # hwupload stands in front of every CUDA decode, so that a codec which the card lacks still renders.
        decoders=NVDEC_CODECS if _loads("libnvcuvid.so.1") else frozenset(),
        encoders=(*nvenc, *present(("libx264", "libx265"), capabilities)),
        device="NVIDIA GPU",
        reasons=tuple(reasons),
    )


def _with_reason(target: Target, reason: str) -> Target:
    return Target(
        "cpu", target.capabilities, encoders=target.encoders, device=_processor() or "CPU", reasons=(reason,)
    )


def _has_driver() -> bool:
    return _loads("libcuda.so.1")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _failure(binaries: Binaries, arguments: Sequence[str]) -> str:
    """The decisive line of what FFmpeg says, or nothing where the run succeeds."""
    # Reasons for a missing capability are warnings, so they need the verbose level.
    argv = (binaries.ffmpeg, "-hide_banner", "-nostdin", "-v", "verbose", *arguments)
    done = capture_sync(argv, timeout_s=_TIMEOUT_S)
    if done.exit_code == 0:
        return ""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    telling = re.compile(r"cannot load|failed|not supported|unsupported|no capable|required|error", re.IGNORECASE)
    return next((line.strip() for line in lines if telling.search(line)), f"exit status {done.exit_code}")


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else ""
