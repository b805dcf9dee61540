"""What the machine itself tells of its NVIDIA driver and card, without a run of FFmpeg."""

from __future__ import annotations

import ctypes
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from apigpu.errors import ApiGpuError
from apigpu.ffmpeg.process import capture_sync

_LIBRARIES = ("libcuda.so.1", "libnvcuvid.so.1", "libnvidia-encode.so.1")
_DRIVER = Path("/proc/driver/nvidia")
_CHOOSES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES")
_TIMEOUT_S = 10.0


def has_driver() -> bool:
    """Whether CUDA's library is here; FFmpeg opens it at run time, by this name."""
    return _loads(_LIBRARIES[0])


def fingerprint(environ: Mapping[str, str]) -> dict[str, str]:
    """What changes when the driver, the cards or the container's share in them do."""
    libraries = {name: _identity(_path_of(name)) for name in _LIBRARIES if _loads(name)}
    chosen = {name: environ[name] for name in _CHOOSES if name in environ}
    return libraries | chosen | {"driver": _first_line(_DRIVER / "version"), "cards": ", ".join(_cards())}


def name_and_driver() -> tuple[str, str]:
    """The first card's name and the driver's version; each empty where nothing tells it."""
    if program := shutil.which("nvidia-smi"):
        with suppress(ApiGpuError):
            argv = (program, "--query-gpu=name,driver_version", "--format=csv,noheader")
            done = capture_sync(argv, timeout_s=_TIMEOUT_S)
            name, comma, driver = done.stdout.decode("utf-8", "replace").partition("\n")[0].partition(", ")
            if done.exit_code == 0 and comma:
                return name.strip(), driver.strip()
    return next(iter(_cards()), ""), _driver_version()


def processor() -> str:
    """The processor's name, where the system tells it."""
    found = re.search(r"^model name\s*:\s*(.+)$", _text(Path("/proc/cpuinfo")), re.MULTILINE)
    return found.group(1).strip() if found else ""


def _driver_version() -> str:
    """From the kernel module, or from the name of the file behind libcuda.so.1."""
    told = re.search(r"Kernel Module(?: for \w+)?\s+(\d+\.[\d.]+)", _first_line(_DRIVER / "version"))
    file = Path(_path_of(_LIBRARIES[0])).resolve().name
    named = re.fullmatch(r"libcuda\.so\.(\d+\.[\d.]+)", file)
    found = told or named
    return found.group(1) if found else ""


def _cards() -> list[str]:
    texts = (_text(file) for file in sorted(_DRIVER.glob("gpus/*/information")))
    found = (re.search(r"^Model:\s*(.+)$", text, re.MULTILINE) for text in texts)
    return [one.group(1).strip() for one in found if one]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _path_of(library: str) -> str:
    """Where the loader found a library that this process has loaded; its bare name where the system does not tell."""
    stem = library.removesuffix(".1")
    lines = _text(Path("/proc/self/maps")).splitlines()
    paths = (line.partition("/")[2] for line in lines if Path(line).name.startswith(stem))
    return next((f"/{path}" for path in paths if path), library)


def _identity(path: str) -> str:
    try:
        stat = Path(path).stat()
    except OSError:
        return path
    return f"{path} {stat.st_mtime_ns} {stat.st_size}"


def _first_line(file: Path) -> str:
    return _text(file).partition("\n")[0]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
