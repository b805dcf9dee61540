"""Which workers are there, from what they ask: nothing of this needs to survive a restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Worker:
    """What is known of one. Times are of the monotonic clock."""

    id: str
    seen_s: float = 0.0
    """Its last request."""
    worked_s: float = 0.0
    """Its last request that is no ping: pings come from a process of their own, which may outlive the worker."""
    job_s: float = 0.0
    """When it last got a job or brought a result."""
    polls: int = 0
    """Requests of it that are held open."""
    stops: set[str] = field(default_factory=set)
    """Jobs that it has yet to be told to stop."""
    refresh: bool = False
    """It asked to be replaced when its jobs are done."""
    leaving: bool = False
    """It was asked to end: it gets no jobs, and short polls."""


class Presence:
    def __init__(self, absent_after_s: float) -> None:
        self._absent_after_s = absent_after_s
        self._workers: dict[str, Worker] = {}

    def worker(self, worker_id: str) -> Worker:
        return self._workers.setdefault(worker_id, Worker(worker_id))

    def saw(self, worker_id: str, *, ping: bool = False) -> Worker:
        """A request of it came in."""
        worker = self.worker(worker_id)
        worker.seen_s = time.monotonic()
        if not ping:
            worker.worked_s = worker.seen_s
        return worker

    @contextmanager
    def polling(self, worker_id: str) -> Iterator[Worker]:
        """A request of it is held open for as long as the block lasts."""
        worker = self.saw(worker_id)
        worker.polls += 1
        try:
            yield worker
        finally:
            worker.polls -= 1

    def forget(self, worker_id: str) -> None:
        self._workers.pop(worker_id, None)

    def prune(self) -> None:
        """Forget whoever is gone."""
        horizon_s = self._horizon_s()
        for worker in list(self._workers.values()):
            if not worker.polls and worker.seen_s < horizon_s:
                self.forget(worker.id)

    def present(self) -> set[str]:
        """Those that ask for something now, or did lately."""
        horizon_s = self._horizon_s()
        return {worker.id for worker in self._workers.values() if worker.polls or worker.worked_s >= horizon_s}

    def _horizon_s(self) -> float:
        return time.monotonic() - self._absent_after_s
