"""The plane: a durable queue that stands in RunPod's place, for one event loop.

Every change of a job goes through `_change`: one transaction in the store, and when it is on the disk, all who wait
for it are told.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from apigpu_runtime.backend import FINAL
from apigpu_runtime.database import Database
from apigpu_runtime.guard import guarded_client
from apigpu_runtime.plane.behaviour import Behaviour
from apigpu_runtime.plane.presence import Presence, Worker
from apigpu_runtime.plane.schema import MIGRATIONS
from apigpu_runtime.plane.store import clients, expiry, outbox, workers
from apigpu_runtime.plane.store.change import Change
from apigpu_runtime.plane.store.clients import StoredJob, Submission
from apigpu_runtime.plane.store.workers import Report, TakenJob
from apigpu_runtime.plane.waiting import Gone, Line, Watchers, kept_up, never_gone, until
from apigpu_runtime.plane.webhooks import Webhooks

Value = TypeVar("Value")

_LEAVING_HOLD_S = 0.2
_LONGEST_SLEEP_S = 3600.0


@dataclass(frozen=True)
class Staff:
    """What a supervisor knows of the workers that it starts."""

    initializing: int = 0
    unhealthy: int = 0
    reason: str = ""
    """Why workers do not stay up, with the last that they said."""


class Plane:
    """A queue in the file `path`. `on_change` is called with the id of each job whose status changed.

    `http` makes the client that webhooks are sent with.
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
        self.presence = Presence(self.behaviour.lease_s)
        self.staff: Callable[[], Staff] = Staff
        self.database = Database(path, MIGRATIONS)
        self._on_change = on_change
        self._clock = clock
        self._line = Line()
        self._jobs = Watchers()
        self._stops = Watchers()
        self.demand = Watchers()
        """Told, under the empty name, whenever more or fewer workers may be needed."""
        self._due_ms: int | None = None
        self._due_sooner = asyncio.Event()
        self._webhooks = Webhooks(self.database, self.behaviour, http, self.now_ms, self._change)
        self._suspicions: set[asyncio.TimerHandle] = set()
        self._judgements: set[asyncio.Future[int]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Plane]:
        """Time passes for the jobs, and webhooks are told, as long as the block lasts; then the file is closed."""
        await self._change(workers.hold_all)
        work = [kept_up(self._sweep, "what is due"), kept_up(self._webhooks.run, "the telling of webhooks")]
        tasks = [asyncio.create_task(item) for item in work]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for suspicion in self._suspicions:
                suspicion.cancel()
            self.database.close()

    def now_ms(self) -> int:
        return int(self._clock() * 1000)

    async def sweep(self) -> bool:
        """Do what is due; whether more is left. `running` does this whenever something is."""
        self.presence.prune()
        return await self._change(expiry.expire)

    # Clients

    async def submit(self, job: Submission) -> str:
        """The job's id, when it is on the disk."""
        return await self._change(lambda change: clients.submit(change, job))

    def find(self, job_id: str) -> StoredJob | None:
        return self.database.read_now(lambda connection: clients.find(connection, self.now_ms(), job_id))

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
        chunks = await self._change(lambda change: clients.drain(change, job_id))
        return (self.find(job_id) or job), chunks

    async def cancel(self, job_id: str) -> StoredJob | None:
        return await self._change(lambda change: clients.cancel(change, job_id))

    async def retry(self, job_id: str) -> str | None:
        return await self._change(lambda change: clients.retry(change, job_id))

    async def purge(self) -> int:
        return await self._change(clients.purge)

    def health(self) -> dict[str, Any]:
        """RunPod's document; and, where the workers do not stay up, a `reason`."""
        staff = self.staff()
        held = self.database.read_now(workers.holders)
        idle = len(self.presence.present() - held.keys())
        document: dict[str, Any] = {
            "jobs": self.database.read_now(clients.job_counts),
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

    # Workers

    async def take(
        self, worker_id: str, count: int = 1, *, idle: bool = False, gone: Gone | None = None
    ) -> list[TakenJob]:
        """Up to `count` jobs, or none when no job came for a while. `idle`: the worker says that it has no job."""
        gone = gone or never_gone()
        if idle and self.database.read_now(partial(workers.held_jobs, worker_id=worker_id)):
            await self._change(lambda change: workers.lose_absent(change, worker_id))
        with self.presence.polling(worker_id) as worker:
            if not worker.leaving:
                return await self._next_jobs(worker, count, gone)
            await until(never_gone(), gone, _LEAVING_HOLD_S)
            return []

    async def stops(self, worker_id: str, gone: Gone | None = None) -> list[str]:
        """The jobs that the worker should let go of, or none when nothing came for a while."""
        gone = gone or never_gone()
        with self.presence.polling(worker_id) as worker:
            deadline_s = time.monotonic() + self.behaviour.stop_hold_s
            while not worker.stops and not worker.leaving:
                with self._stops.watch(worker_id) as told:
                    if not await until(told, gone, deadline_s - time.monotonic()):
                        break
            if gone.done():
                self._suspect(worker_id)
                return []
            found = sorted(worker.stops)
            worker.stops.clear()
        return found

    async def ping(self, worker_id: str, job_ids: Iterable[str]) -> None:
        self.presence.saw(worker_id, ping=True)
        ids = list(job_ids)
        if ids:
            await self._change(lambda change: workers.ping(change, worker_id, ids))

    async def progress(self, worker_id: str, job_id: str, output: str) -> None:
        self.presence.saw(worker_id)
        await self._change(lambda change: workers.progress(change, worker_id, job_id, output))

    async def chunk(self, worker_id: str, job_id: str, chunk: str) -> None:
        self.presence.saw(worker_id)
        await self._change(lambda change: workers.chunk(change, worker_id, job_id, chunk))

    async def deliver(self, worker_id: str, job_id: str, report: Report) -> bool:
        """Whether the job is known. The first final result stays."""
        self.presence.saw(worker_id).job_s = time.monotonic()
        return await self._change(lambda change: workers.deliver(change, worker_id, job_id, report))

    async def lose_worker(self, worker_id: str, reason: str, *, blameless: bool = False) -> int:
        """The worker is gone: its jobs go to others. How many those are."""
        self.presence.forget(worker_id)
        return await self._change(lambda change: workers.lose_worker(change, worker_id, reason, blameless=blameless))

    # Its supervisor

    def dismiss(self, worker_id: str) -> None:
        """The worker is asked to end: it gets no more jobs, and its open polls are answered, as it waits for them."""
        self.presence.worker(worker_id).leaving = True
        self._stops.tell(worker_id)
        self._line.call_all()

    def refresh(self, worker_id: str) -> None:
        """The worker wants to be replaced when its jobs are done."""
        self.presence.worker(worker_id).refresh = True
        self.demand.tell("")

    def queue_length(self) -> int:
        return self.database.read_now(clients.queue_length)

    def waiting_workers(self) -> int:
        """How many polls for a job are open."""
        return len(self._line)

    def holds_jobs(self, worker_id: str) -> bool:
        return bool(self.database.read_now(partial(workers.held_jobs, worker_id=worker_id)))

    async def remember_worker(self, worker_id: str) -> None:
        """It is being started here, and must be ended even if this process cannot do it any more."""
        await self._change(lambda change: outbox.remember_worker(change, worker_id))

    async def forget_worker(self, worker_id: str) -> None:
        await self._change(lambda change: outbox.forget_worker(change, worker_id))

    def remembered_workers(self) -> list[str]:
        return self.database.read_now(outbox.remembered_workers)

    # Inside

    async def _next_jobs(self, worker: Worker, count: int, gone: Gone) -> list[TakenJob]:
        deadline_s = time.monotonic() + self.behaviour.take_hold_s
        with self._line.place() as place:
            while not (worker.leaving or gone.done()):
                called = place.renew()
                if jobs := await self._take_now(worker, count, gone):
                    return jobs
                if not await until(called, gone, deadline_s - time.monotonic()):
                    break
        return []

    async def _take_now(self, worker: Worker, count: int, gone: Gone) -> list[TakenJob]:
        if gone.done() or not self.database.read_now(clients.is_queued):
            return []
        jobs = await self._change(lambda change: workers.take(change, worker.id, count))
        ids = [job.id for job in jobs]
        worker.stops.difference_update(ids)
        worker.job_s = time.monotonic()
        if jobs and gone.done():
            await self._change(lambda change: workers.give_back(change, worker.id, ids))
            return []
        return jobs

    async def _when(
        self, job_id: str, ready: Callable[[StoredJob], bool], timeout_s: float, gone: Gone | None
    ) -> StoredJob | None:
        gone = gone or never_gone()
        deadline_s = time.monotonic() + timeout_s
        while True:
            with self._jobs.watch(job_id) as changed:
                job = self.find(job_id)
                if job is None or ready(job):
                    return job
                if not await until(changed, gone, deadline_s - time.monotonic()):
                    return self.find(job_id)

    def _has_chunks(self, job_id: str) -> bool:
        return self.database.read_now(lambda connection: clients.has_chunks(connection, job_id))

    async def _change(self, work: Callable[[Change], Value]) -> Value:
        # Shielded: what is written must be told, also when whoever asked for it has been cancelled meanwhile.
        return await asyncio.shield(asyncio.ensure_future(self._changed(work)))

    async def _changed(self, work: Callable[[Change], Value]) -> Value:
        def transaction(connection: sqlite3.Connection) -> tuple[Value, Change]:
            change = Change(connection, self.now_ms(), self.behaviour)
            return work(change), change

        value, change = await self.database.write(transaction)
        self._tell(change)
        return value

    def _tell(self, change: Change) -> None:
        for worker_id, job_id in change.stops:
            self.presence.worker(worker_id).stops.add(job_id)
            self._stops.tell(worker_id)
        for job_id in change.changed:
            self._jobs.tell(job_id)
            if self._on_change is not None:
                self._on_change(job_id)
        if change.queued:
            self._line.call(change.queued)
            self.demand.tell("")
        if change.webhooks:
            self._webhooks.wake()
        if change.due_ms is not None and (self._due_ms is None or change.due_ms < self._due_ms):
            self._due_sooner.set()

    async def _sweep(self) -> None:
        while True:
            self._due_sooner.clear()
            more = await self.sweep()
            self._due_ms = self.database.read_now(expiry.next_due_ms)
            if more or self._due_sooner.is_set():
                continue
            left_s = _LONGEST_SLEEP_S if self._due_ms is None else (self._due_ms - self.now_ms()) / 1000
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due_sooner.wait(), min(_LONGEST_SLEEP_S, max(0.001, left_s)))

    def _suspect(self, worker_id: str) -> None:
        """A stop channel broke off: a living worker comes back within a second."""
        dropped_s = time.monotonic()

        def judge() -> None:
            self._suspicions.discard(handle)
            worker = self.presence.worker(worker_id)
            if worker.worked_s <= dropped_s and not worker.polls:
                reason = f"worker {worker_id} broke off its connection and did not come back."
                self._judgements.add(task := asyncio.ensure_future(self.lose_worker(worker_id, reason)))
                task.add_done_callback(self._judgements.discard)

        handle = asyncio.get_running_loop().call_later(self.behaviour.silence_s, judge)
        self._suspicions.add(handle)
