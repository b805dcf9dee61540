"""The software NVIDIA driver as tests use it: build it, point an FFmpeg at it, read what was copied and launched.

    driver = build()
    env = environment("l4", trace=tmp_path / "trace")
    subprocess.run([ffmpeg, "-hwaccel", "cuda", ...], env=env)
    assert Trace.read(tmp_path / "trace").downloads == ()

What it is and what it cannot show stands at the top of driver/driver.h.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

_SOURCES = Path(__file__).parent / "driver"
_BUILDS = Path(__file__).resolve().parents[2] / "build" / "softgpu"
_LANGUAGE = ("-O2", "-g", "-std=gnu11", "-D_GNU_SOURCE")
_WARNINGS = ("-Wall", "-Wextra", "-Wno-override-init", "-Wno-format-truncation")
_FLAGS = (*_LANGUAGE, *_WARNINGS, "-fPIC", "-fvisibility=hidden", "-shared")

_LIBRARIES = {
    "libcuda.so.1": ("driver", "cuda", "cuda_streams", "memory", "launch", "ptx", "ptx_operands", "ptx_instructions"),
    "libnvidia-encode.so.1": ("driver", "nvenc", "nvenc_device", "nvenc_input", "h264_pcm", "hevc_pcm"),
    "libnvcuvid.so.1": ("driver", "nvcuvid", "h264_headers"),
    "inner_decoder.so": ("inner_decoder",),
}
_LINKED = {"inner_decoder.so": ("-lavcodec", "-lavutil")}

Personality = Literal[
    "t4",
    "l4",
    "rtx4090",
    "pascal",
    "a100",
    "h100",
    "old-driver",
    "no-video-capability",
    "no-device",
    "driver-mismatch",
    "nvdec-without-codec",
    "out-of-memory",
    "session-limit",
]


class EquipmentMissing(Exception):
    """The software driver cannot be built here; the message says which Debian package is missing."""


@functools.cache
def build() -> Path:
    """The folder of the built libraries; they are built when sources, compiler or processor are new.

    Raises:
        EquipmentMissing: No gcc, or no headers of libavcodec.
    """
    _need_compiler_and_headers()
    folder = _BUILDS / _fingerprint()
    if folder.is_dir():
        return folder
    _BUILDS.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=_BUILDS))
    try:
        _compile_into(unfinished)
        if not folder.is_dir():  # else another process was faster
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def environment(
    personality: Personality,
    *,
    trace: Path | None = None,
    memory_mb: int | None = None,
    sessions: int | None = None,
    session_error: int | None = None,
    nvenc_version: str | None = None,
    decodes: tuple[str, ...] | None = None,
    fault_after: int | None = None,
    fault: int | None = None,
) -> dict[str, str]:
    """This process's environment, changed so that an FFmpeg started with it finds such a machine.

    Args:
        trace: file to append to, for `Trace.read`.
        memory_mb: size of the device's memory in MiB.
        sessions: NVENC sessions that this process may open; -1 is no limit.
        session_error: NVENC's code for one session too many: 21 of recent drivers (default), 10 of old ones.
        nvenc_version: newest NVENC API that the driver knows, such as "12.2".
        decodes: what NVDEC decodes, out of h264, vp9 and mjpeg.
        fault_after: the device breaks down after so many allocations (one a decoded picture), copies and launches.
        fault: what it says from then on, a CUresult: 719 (default) for a failed launch, 2 for no memory left.
    """
    driver = build()
    folder = driver / "without-video" if personality == "no-video-capability" else driver
    knobs: Mapping[str, object] = {
        "SOFTGPU": personality,
        "SOFTGPU_KERNELS": driver / "kernels",
        "SOFTGPU_TRACE": trace,
        "SOFTGPU_MEMORY_MB": memory_mb,
        "SOFTGPU_SESSIONS": sessions,
        "SOFTGPU_SESSION_ERROR": session_error,
        "SOFTGPU_NVENC_VERSION": nvenc_version,
        "SOFTGPU_DECODES": None if decodes is None else ",".join(decodes),
        "SOFTGPU_FAULT_AFTER": fault_after,
        "SOFTGPU_FAULT": fault,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SOFTGPU")}
    given = {name: str(value) for name, value in knobs.items() if value is not None}
    path = os.pathsep.join((str(driver / "bin"), os.environ.get("PATH", os.defpath)))  # nvidia-smi
    return inherited | given | {"LD_LIBRARY_PATH": str(folder), "PATH": path}


@dataclass(frozen=True)
class Trace:
    """What the device was asked to do, in order. Sizes are in bytes, one copy is one plane of one frame."""

    uploads: tuple[int, ...] = ()
    downloads: tuple[int, ...] = ()
    launches: tuple[str, ...] = ()
    decoded: tuple[str, ...] = ()
    encoded: tuple[str, ...] = ()
    encoder_uploads: tuple[int, ...] = ()
    complaints: tuple[str, ...] = field(default=())

    @classmethod
    def read(cls, path: Path) -> Trace:
        """Reads what `environment(trace=path)` made an FFmpeg write; a file that is not there is an empty trace."""
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        said: dict[str, list[str]] = {}
        for line in lines:
            word, _, rest = line.partition(" ")
            said.setdefault(word, []).append(rest)

        def first_words(word: str) -> tuple[str, ...]:
            return tuple(rest.split(" ")[0] for rest in said.get(word, []))

        return cls(
            uploads=tuple(map(int, first_words("upload"))),
            downloads=tuple(map(int, first_words("download"))),
            launches=first_words("launch"),
            decoded=first_words("decode"),
            encoded=first_words("encode"),
            encoder_uploads=tuple(map(int, first_words("encoder-upload"))),
            complaints=tuple(said.get("complaint", [])),
        )


def _need_compiler_and_headers() -> None:
    if not shutil.which("gcc") or not Path("/usr/include/stdlib.h").exists():
        raise EquipmentMissing("the software driver needs a C compiler: apt-get install gcc libc6-dev")
    probe = ["gcc", "-E", "-x", "c", "-include", "libavcodec/avcodec.h", "-include", "libavutil/frame.h", "/dev/null"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        raise EquipmentMissing("the software driver needs headers: apt-get install libavcodec-dev libavutil-dev")


def _fingerprint() -> str:
    """Kernels are compiled for this very processor, so it counts as well as sources, compiler and flags do."""
    digest = hashlib.sha256()
    for source in sorted(_SOURCES.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    compiler = subprocess.run(["gcc", "-Q", "--help=target", "-march=native"], capture_output=True, check=True).stdout
    digest.update(compiler + repr((_FLAGS, _LIBRARIES, _LINKED)).encode())
    return digest.hexdigest()[:16]


def _compile_into(folder: Path) -> None:
    for library, units in _LIBRARIES.items():
        sources = [str(_SOURCES / f"{unit}.c") for unit in units]
        name = f"-Wl,-soname,{library}"
        command = ["gcc", *_FLAGS, name, "-o", str(folder / library), *sources, *_LINKED.get(library, ()), "-lm"]
        subprocess.run([*command, "-lpthread", "-ldl"], check=True)
    shutil.copy(_SOURCES / "kernel.h", folder)
    for subfolder in ("bin", "kernels", "without-video"):
        (folder / subfolder).mkdir()
    (folder / "without-video" / "libcuda.so.1").symlink_to(Path("..") / "libcuda.so.1")
    tool = [str(_SOURCES / f"{unit}.c") for unit in ("nvidia_smi", "driver")]
    subprocess.run(["gcc", *_WARNINGS, *_LANGUAGE, "-o", str(folder / "bin" / "nvidia-smi"), *tool], check=True)
