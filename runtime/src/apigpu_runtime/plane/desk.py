"""Where workers come to: for jobs, with results, with signs of life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial

from apigpu_runtime.plane.ledger import Ledger
from apigpu_runtime.plane.presence import Worker
from apigpu_runtime.plane.store import clients, workers
from apigpu_runtime.plane.store.workers import Report, TakenJob
from apigpu_runtime.plane.waiting import Gone, never_gone, until

_LEAVING_HOLD_S = 0.2


class WorkerDesk:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._behaviour = ledger.behaviour
        self.presence = ledger.presence
        self._suspicions: set[asyncio.TimerHandle] = set()
        self._judgements: set[asyncio.Future[int]] = set()

    async def take(
        self, worker_id: str, count: int = 1, *, idle: bool = False, gone: Gone | None = None
    ) -> list[TakenJob]:
        """Up to `count` jobs, or none when no job came for a while. `idle`: the worker says that it has no job."""
        gone = gone or never_gone()
        if idle and self.holds_jobs(worker_id):
            await self._ledger.change(lambda change: workers.lose_absent(change, worker_id))
        with self.presence.polling(worker_id) as worker:
            if not worker.leaving:
                return await self._next_jobs(worker, count, gone)
            await until(never_gone(), gone, _LEAVING_HOLD_S)
            return []

    async def stops(self, worker_id: str, gone: Gone | None = None) -> list[str]:
        """The jobs that the worker should let go of, or none when nothing came for a while."""
        gone = gone or never_gone()
        with self.presence.polling(worker_id) as worker:
            deadline_s = time.monotonic() + self._behaviour.stop_hold_s
            while not worker.stops and not worker.leaving:
                with self._ledger.stops.watch(worker_id) as told:
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
            await self._ledger.change(lambda change: workers.ping(change, worker_id, ids))

    async def progress(self, worker_id: str, job_id: str, output: str) -> None:
        self.presence.saw(worker_id)
        await self._ledger.change(lambda change: workers.progress(change, worker_id, job_id, output))

    async def chunk(self, worker_id: str, job_id: str, chunk: str) -> None:
        self.presence.saw(worker_id)
        await self._ledger.change(lambda change: workers.chunk(change, worker_id, job_id, chunk))

    async def deliver(self, worker_id: str, job_id: str, report: Report) -> bool:
        """Whether the job is known. The first final result stays."""
        self.presence.saw(worker_id).job_s = time.monotonic()
        return await self._ledger.change(lambda change: workers.deliver(change, worker_id, job_id, report))

    async def lose(self, worker_id: str, reason: str, *, blameless: bool = False) -> int:
        """The worker is gone: its jobs go to others. How many those are."""
        self.presence.forget(worker_id)
        return await self._ledger.change(
            lambda change: workers.lose_worker(change, worker_id, reason, blameless=blameless)
        )

    def dismiss(self, worker_id: str) -> None:
        """The worker is asked to end: it gets no more jobs, and its open polls are answered, as it waits for them."""
        self.presence.worker(worker_id).leaving = True
        self._ledger.stops.tell(worker_id)
        self._ledger.line.call_all()

    def refresh(self, worker_id: str) -> None:
        """The worker wants to be replaced when its jobs are done."""
        self.presence.worker(worker_id).refresh = True
        self._ledger.demand.tell("")

    def waiting(self) -> int:
        """How many polls for a job are open."""
        return len(self._ledger.line)

    def holds_jobs(self, worker_id: str) -> bool:
        return bool(self._ledger.read(partial(workers.held_jobs, worker_id=worker_id)))

    def close(self) -> None:
        for suspicion in self._suspicions:
            suspicion.cancel()

    async def _next_jobs(self, worker: Worker, count: int, gone: Gone) -> list[TakenJob]:
        deadline_s = time.monotonic() + self._behaviour.take_hold_s
        with self._ledger.line.place() as place:
            while not (worker.leaving or gone.done()):
                called = place.renew()
                if jobs := await self._take_now(worker, count, gone):
                    return jobs
                if not await until(called, gone, deadline_s - time.monotonic()):
                    break
        return []

    async def _take_now(self, worker: Worker, count: int, gone: Gone) -> list[TakenJob]:
        if gone.done() or not self._ledger.read(clients.is_queued):
            return []
        jobs = await self._ledger.change(lambda change: workers.take(change, worker.id, count))
        ids = [job.id for job in jobs]
        worker.stops.difference_update(ids)
        worker.job_s = time.monotonic()
        if jobs and gone.done():
            await self._ledger.change(lambda change: workers.give_back(change, worker.id, ids))
            return []
        return jobs

    def _suspect(self, worker_id: str) -> None:
        """A stop channel broke off: a living worker comes back within a second."""
        dropped_s = time.monotonic()

        def judge() -> None:
            self._suspicions.discard(handle)
            worker = self.presence.worker(worker_id)
            if worker.worked_s <= dropped_s and not worker.polls:
                reason = f"worker {worker_id} broke off its connection and did not come back."
                self._judgements.add(task := asyncio.ensure_future(self.lose(worker_id, reason)))
                task.add_done_callback(self._judgements.discard)

        handle = asyncio.get_running_loop().call_later(self._behaviour.silence_s, judge)
        self._suspicions.add(handle)
