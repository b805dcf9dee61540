"""What the tests of core share: the FFmpegs at hand, and facts of files that nobody needs to have."""

from __future__ import annotations

import os

import pytest

from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import Binaries, find_binaries
from apigpu.ffmpeg.capabilities import Capabilities, capabilities_of
from apigpu.ffmpeg.process import capture_sync
from apigpu.media.facts import MediaFile
from support import media_file


def packaged_ffmpeg() -> str | None:
    """The FFmpeg of the extra `ffmpeg`, the other end of the range of versions."""
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    try:
        return find_binaries(os.environ)
    except SetupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def capabilities(binaries: Binaries) -> Capabilities:
    return capabilities_of(binaries)


@pytest.fixture(scope="session", params=["on PATH", "packaged"])
def each_binaries(request: pytest.FixtureRequest, binaries: Binaries) -> Binaries:
    """Both ends of the range of FFmpeg versions, where they are installed."""
    if request.param == "on PATH":
        return binaries
    packaged = packaged_ffmpeg()
    if packaged is None or packaged == binaries.ffmpeg:
        pytest.skip("the packaged FFmpeg is not installed")
    return find_binaries({**os.environ, "APIGPU_FFMPEG": packaged})


@pytest.fixture(scope="session")
def clip_file(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> MediaFile:
    """A real video of 20 frames at 160x120, with sound."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=20:d=1", "-f", "lavfi", "-i", "sine=d=1"]
    codecs = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    done = capture_sync([binaries.ffmpeg, "-v", "error", *source, *codecs, str(path)], timeout_s=60)
    assert done.exit_code == 0, done.stderr
    return media_file(path=str(path), width=160, height=120, rate=20, duration_s=1.0, size_bytes=path.stat().st_size)
