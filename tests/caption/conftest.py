"""What the tests of captions share: the FFmpegs at hand."""

from __future__ import annotations

import os

import pytest

from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import find_binaries, packaged


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    try:
        return find_binaries(os.environ).ffmpeg
    except SetupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["at hand", "packaged"])
def each_ffmpeg(request: pytest.FixtureRequest, ffmpeg: str) -> str:
    """Both ends of the range of FFmpeg versions, where they are installed."""
    if request.param == "at hand":
        return ffmpeg
    other = packaged("ffmpeg")
    if other is None or other == ffmpeg:
        pytest.skip("the packaged FFmpeg is not installed")
    return other
