"""A software NVIDIA driver for the tests of this folder, and both ends of the range of FFmpegs that it must serve."""

from __future__ import annotations

import shutil
import subprocess
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
    path, version = (_packaged(), "9.") if request.param == "packaged" else (_of_the_system(), "5.")
    found = FFmpeg(path, tmp_path)
    if not found.version.startswith(version):
        pytest.skip(f"the words of FFmpeg {found.version} are not known here, those of {version}x are")
    return found


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short clips in every codec that the device decodes, and one that it does not."""
    folder = tmp_path_factory.mktemp("clips")
    source = ("-f", "lavfi", "-i", "testsrc2=s=318x190:r=25:d=0.4")
    x264 = ("-c:v", "libx264", "-preset", "fast", "-pix_fmt", "yuv420p")
    recipes = {
        "b_frames.mp4": x264,
        "baseline.mp4": (*x264, "-profile:v", "baseline"),
        "interlaced.mp4": (*x264, "-s", "320x192", "-flags", "+ildct+ilme", "-x264opts", "cqm=jvt"),
        "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"),
        "odd.webm": ("-s", "161x121", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "yuv420p"),
        "mjpeg.avi": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
        "hevc.mp4": (
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            "log-level=none",
            "-pix_fmt",
            "yuv420p",
        ),
        "ten_bits.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    }
    outputs = [argument for name, options in recipes.items() for argument in (*options, str(folder / name))]
    ffmpeg = shutil.which("ffmpeg") or _packaged()
    subprocess.run([ffmpeg, "-loglevel", "error", "-nostdin", *source, *outputs], check=True, timeout=60)
    return folder
