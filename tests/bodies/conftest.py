"""A few real files, and the servers that the tests of plans and previews talk to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from apigpu.ffmpeg.binary import Binaries, find_binaries
from apigpu.ffmpeg.process import capture_sync
from apigpu_runtime.settings import Settings
from dry_run_support import MediaServer, media_server, planning_app

SRT = "1\n00:00:00,500 --> 00:00:01,500\nHello\n"


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    return find_binaries(os.environ)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory, binaries: Binaries) -> Path:
    """talk.mp4 (2 s with sound), photo.jpg, tone.mp3, talk.srt, and notes.txt, which is none of it."""
    folder = tmp_path_factory.mktemp("media")
    picture = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2"]
    sound = ["-f", "lavfi", "-i", "sine=f=440:d=2"]
    run(binaries, *picture, *sound, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", str(folder / "talk.mp4"))
    run(binaries, *picture, "-frames:v", "1", str(folder / "photo.jpg"))
    run(binaries, *sound, str(folder / "tone.mp3"))
    (folder / "talk.srt").write_text(SRT)
    (folder / "notes.txt").write_text("nothing to see " * 100)
    return folder


@pytest.fixture(scope="session")
def large(media: Path, binaries: Binaries) -> Path:
    """large.mp4 with its index at the end, and beside it the same with the index first."""
    noise = "color=gray:s=640x360:r=25:d=10,noise=alls=100:allf=t"
    run(binaries, "-f", "lavfi", "-i", noise, "-c:v", "mpeg4", "-q:v", "1", str(media / "large.mp4"))
    first = media / "large-index-first.mp4"
    run(binaries, "-i", str(media / "large.mp4"), "-c", "copy", "-movflags", "+faststart", str(first))
    assert first.stat().st_size > 24 << 20
    return media / "large.mp4"


def run(binaries: Binaries, *arguments: str) -> None:
    done = capture_sync([binaries.ffmpeg, "-v", "error", "-y", *arguments], timeout_s=60)
    assert done.exit_code == 0, done.stderr.decode()


@pytest.fixture
def files(media: Path) -> Iterator[MediaServer]:
    with media_server(media) as server:
        yield server


@pytest.fixture
def settings(files: MediaServer, tmp_path: Path) -> Settings:
    environ = dict(os.environ)
    return Settings(trusted_urls=(f"{files.url}/",), work_dir=tmp_path, environ=environ)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(planning_app(settings)) as client:
        yield client
