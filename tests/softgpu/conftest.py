"""A software NVIDIA driver for the tests of this folder, and both ends of the range of FFmpegs that it must serve."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from softgpu.equipment import EquipmentMissing, build
from softgpu.runs import FFmpeg


def _packaged() -> str:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the packaged FFmpeg is not installed")
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _of_the_system() -> str:
    for name in ("/usr/bin/ffmpeg", "/usr/local/bin/ffmpeg"):
        if shutil.which(name):
            return name
    pytest.skip("no FFmpeg of the system here")


@pytest.fixture(scope="session")
def driver() -> Path:
    """The folder of the built software driver."""
    try:
        return build()
    except EquipmentMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=["system", "packaged"])
def ffmpeg(request: pytest.FixtureRequest, driver: Path, tmp_path: Path) -> FFmpeg:
    """Debian's FFmpeg (5.1 is the oldest that is supported) and the packaged one (the newest)."""
    path = _packaged() if request.param == "packaged" else _of_the_system()
    return FFmpeg(path, tmp_path)
