"""What the tests of probing share: a pair of binaries, a way to probe without a loop, and tiny media."""

from __future__ import annotations

import asyncio
import os
from functools import cache
from pathlib import Path

import pytest

from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import Binaries, find_binaries
from apigpu.ffmpeg.process import capture_sync
from apigpu.media.facts import MediaFile
from apigpu.media.fields import MediaKind
from apigpu.media.limits import Limits
from apigpu.media.probe import probe
from media_support import Halver, Maker, Prober


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    try:
        return find_binaries(os.environ)
    except SetupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def probed(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Prober:
    """Probe a file; the facts of a file that was asked for before are kept."""
    workdir = tmp_path_factory.mktemp("work")

    @cache
    def run(path: Path, kind: str = "video", limits: Limits | None = None) -> MediaFile:
        return asyncio.run(
            probe(path, MediaKind(kind), binaries=binaries, workdir=workdir, limits=limits or Limits())
        )

    return run


@pytest.fixture(scope="session")
def made(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Make a file with ffmpeg from its arguments, once a session for the same name."""
    folder = tmp_path_factory.mktemp("made")

    def make(name: str, *argv: str | Path) -> Path:
        target = folder / name
        if not target.exists():
            command = [binaries.ffmpeg, "-v", "error", "-y", *map(str, argv), str(target)]
            done = capture_sync(command, timeout_s=60)
            assert done.exit_code == 0, done.stderr.decode()
        return target

    return make


@pytest.fixture(scope="session")
def clip(made: Maker) -> Path:
    """20 s of 64x48 at 30 frames a second with a tone: an MP4 whose index is at its end."""
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=30:d=20")
    sound = ("-f", "lavfi", "-i", "sine=d=20:r=44100")
    return made("clip.mp4", *picture, *sound, "-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-c:a", "aac")


@pytest.fixture
def halved(tmp_path: Path) -> Halver:
    """The first half of a file's bytes, under the same name."""

    def halve(path: Path) -> Path:
        target = tmp_path / path.name
        data = path.read_bytes()
        target.write_bytes(data[: len(data) // 2])
        return target

    return halve
