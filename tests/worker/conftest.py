from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker_support import Queue, Worker, working

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
    """One worker of toy jobs for a whole module."""
    with working(TOY, tmp_path_factory.mktemp("toy"), shared_queue.environ()) as worker:
        yield worker
