"""What the tests of img2vid share: the FFmpegs at hand, facts of stills, and a camera without an encoder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import Binaries, find_binaries
from apigpu.media.facts import MediaFile
from apigpu.media.fields import MediaKind
from apigpu.media.handles import Media
from apigpu.media.probe import probe
from img2vid_support import Shown, raw_frames


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    try:
        return find_binaries(os.environ)
    except SetupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["on PATH", "packaged"])
def each_binaries(request: pytest.FixtureRequest, binaries: Binaries) -> Binaries:
    """Both ends of the range of FFmpeg versions, where they are installed."""
    if request.param == "on PATH":
        return binaries
    packaged = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    return find_binaries({**os.environ, "APIGPU_FFMPEG": packaged})


@pytest.fixture(scope="session")
def still_facts(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], MediaFile]:
    """What is known of a still before anything is decoded."""
    folder = tmp_path_factory.mktemp("stills")
    return lambda path: asyncio.run(probe(path, MediaKind.IMAGE, binaries=binaries, workdir=folder))


@pytest.fixture
def film(binaries: Binaries, still_facts: Callable[[Path], MediaFile], tmp_path: Path) -> Callable[..., Shown]:
    """The frames that img2vid makes of stills, by the fields of its request."""
    from apigpu_img2vid import img2vid

    def run(*stills: Path, by: Binaries = binaries, **fields: object) -> Shown:
        media = Media({str(path): still_facts(path) for path in stills})
        if len(stills) == 1 and "images" not in fields:
            fields["url_image"] = str(stills[0])
        return raw_frames(img2vid.build(img2vid.input.model_validate(fields), media), by, tmp_path)

    return run
