from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker_support import Queue, Worker, working

USERS_KEY = "rpa_the_users_own"
TOY = [sys.executable, str(Path(__file__).with_name("toy.py"))]


@pytest.fixture
def queue() -> Iterator[Queue]:
    queue = Queue()
    yield queue
    queue.close()
    assert queue.complaints == []


@pytest.fixture(scope="module")
def shared_queue() -> Iterator[Queue]:
    queue = Queue()
    yield queue
    queue.close()
    assert queue.complaints == []


@pytest.fixture(scope="module")
def toy(shared_queue: Queue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One worker of toy jobs for a whole module, at the noisiest level, with a user's own RunPod credentials."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / ".runpod").mkdir()
    (folder / ".runpod" / "config.toml").write_text(f'[default]\napi_key = "{USERS_KEY}"\n', encoding="utf-8")
    noisy = {"HOME": str(folder), "RUNPOD_LOG_LEVEL": "DEBUG", "RUNPOD_DEBUG_LEVEL": "TRACE"}
    with working(TOY, folder, shared_queue.environ() | noisy) as worker:
        yield worker
