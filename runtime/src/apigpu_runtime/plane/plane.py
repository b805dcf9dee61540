"""The plane: a durable queue that stands in RunPod's place, for one event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from apigpu_runtime.backend import FINAL
from apigpu_runtime.guard import guarded_client
from apigpu_runtime.plane.behaviour import Behaviour
from apigpu_runtime.plane.desk import WorkerDesk
from apigpu_runtime.plane.ledger import Ledger
from apigpu_runtime.plane.store import clients, outbox, workers
from apigpu_runtime.plane.store.clients import StoredJob, Submission
from apigpu_runtime.plane.waiting import Gone, kept_up, never_gone, until
from apigpu_runtime.plane.webhooks import Webhooks


@dataclass(frozen=True)
class Staff:
    """What a supervisor knows of the workers that it starts."""

    initializing: int = 0
    unhealthy: int = 0
    reason: str = ""
    """Why workers do not stay up, with the last that they said."""


class Plane:
    """A queue in the file `path`. `on_change` is called with the id of each job whose status changed.

    `http` makes the client that webhooks are sent with. What workers do with jobs is done at `workers`.
    """

    def __init__(
        self,
        path: Path,
        *,
        behaviour: Behaviour | None = None,
        on_change: Callable[[str], None] | None = None,
        http: Callable[[], httpx2.AsyncClient] = guarded_client,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.staff: Callable[[], Staff] = Staff
        self._ledger = Ledger(path, self.behaviour, on_change=on_change, clock=clock)
        self._webhooks = Webhooks(self._ledger, http)
        self.workers = WorkerDesk(self._ledger)
        self.demand = self._ledger.demand
        self.sweep = self._ledger.sweep
        self.find = self._ledger.find

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Plane]:
        """Time passes for the jobs, and webhooks are told, as long as the block lasts; then the file is closed."""
        await self._ledger.change(workers.hold_all)
        work = [
            kept_up(self._ledger.sweep_for_ever, "what is due"),
            kept_up(self._webhooks.run, "the telling of webhooks"),
        ]
        tasks = [asyncio.create_task(item) for item in work]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.workers.close()
            self._ledger.close()

    async def submit(self, job: Submission) -> str:
        """The job's id, when it is on the disk."""
        return await self._ledger.change(lambda change: clients.submit(change, job))

    async def finished(self, job_id: str, timeout_s: float, gone: Gone | None = None) -> StoredJob | None:
        """The job when it has ended, or as it is when the time is over."""
        return await self._when(job_id, lambda job: job.state in FINAL, timeout_s, gone)

    async def stream(
        self, job_id: str, timeout_s: float, gone: Gone | None = None
    ) -> tuple[StoredJob, list[Any]] | None:
        """The job and what it streamed since the last call; waits while there is nothing and it has not ended."""
        job = await self._when(job_id, lambda job: job.state in FINAL or self._has_chunks(job_id), timeout_s, gone)
        if job is None:
            return None
        chunks = await self._ledger.change(lambda change: clients.drain(change, job_id))
        return (self.find(job_id) or job), chunks

    async def cancel(self, job_id: str) -> StoredJob | None:
        return await self._ledger.change(lambda change: clients.cancel(change, job_id))

    async def retry(self, job_id: str) -> str | None:
        return await self._ledger.change(lambda change: clients.retry(change, job_id))

    async def purge(self) -> int:
        return await self._ledger.change(clients.purge)

    def health(self) -> dict[str, Any]:
        """RunPod's document; and, where the workers do not stay up, a `reason`."""
        staff = self.staff()
        held = self._ledger.read(workers.holders)
        idle = len(self.workers.presence.present() - held.keys())
        document: dict[str, Any] = {
            "jobs": self._ledger.read(clients.job_counts),
            "workers": {
                "idle": idle,
                "initializing": staff.initializing,
                "ready": idle,
                "running": len(held),
                "throttled": 0,
                "unhealthy": staff.unhealthy,
            },
        }
        return document | ({"reason": staff.reason} if staff.reason else {})

    def queue_length(self) -> int:
        return self._ledger.read(clients.queue_length)

    async def remember_worker(self, worker_id: str) -> None:
        """It is being started here, and must be ended even if this process cannot do it any more."""
        await self._ledger.change(lambda change: outbox.remember_worker(change, worker_id))

    async def forget_worker(self, worker_id: str) -> None:
        await self._ledger.change(lambda change: outbox.forget_worker(change, worker_id))

    def remembered_workers(self) -> list[str]:
        return self._ledger.read(outbox.remembered_workers)

    async def _when(
        self, job_id: str, ready: Callable[[StoredJob], bool], timeout_s: float, gone: Gone | None
    ) -> StoredJob | None:
        gone = gone or never_gone()
        deadline_s = time.monotonic() + timeout_s
        while True:
            with self._ledger.jobs.watch(job_id) as changed:
                job = self.find(job_id)
                if job is None or ready(job):
                    return job
                if not await until(changed, gone, deadline_s - time.monotonic()):
                    return self.find(job_id)

    def _has_chunks(self, job_id: str) -> bool:
        return self._ledger.read(lambda connection: clients.has_chunks(connection, job_id))
