"""Learns what becomes of jobs at the endpoint: told by it, or by looking, in bounded numbers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from apigpu_runtime.backend import CANCELLED, COMPLETED, IN_PROGRESS, Backend, BackendError, JobUnknown
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.job_book import JobBook
from apigpu_runtime.proxy.jobs.job_store import Ending
from apigpu_runtime.proxy.jobs.learning import Finding, Over, Queued, Running, finding, unknown_to_endpoint
from apigpu_runtime.proxy.jobs.pace import Pace
from apigpu_runtime.proxy.jobs.proofs import Proofs
from apigpu_runtime.storage.errors import StorageError

_log = structlog.get_logger("apigpu.proxy")

_MOST_EARLY = 1000


@dataclass
class _Followed:
    job_id: str
    endpoint_job_id: str
    running: bool = False
    cancel: bool = False
    since_s: float = 0.0
    looked_s: float = 0.0
    looking: bool = False


class Follower:
    """Jobs that the endpoint has. `lost` is told of each that must be handed in again, and after how long.

    `announced`: the endpoint tells changes by `wake`, so that looking is only for what got lost.
    """

    def __init__(
        self,
        book: JobBook,
        backend: Backend,
        *,
        proofs: Proofs,
        lost: Callable[[str, float], None],
        pace: Pace,
        announced: bool = False,
    ) -> None:
        self._book = book
        self._backend = backend
        self._proofs = proofs
        self._lost = lost
        self._pace = pace
        self._announced = announced
        self._jobs: dict[str, _Followed] = {}
        self._woken: dict[str, None] = {}
        self._early: dict[str, None] = {}
        self._looking = 0
        self._rate = pace.announced_looks_per_s if announced else pace.looks_per_s
        self._allowance = self._rate
        self._counted_s = time.monotonic()
        self._failures = 0
        self._pause_until_s = 0.0
        self._news = asyncio.Event()

    def follow(self, job: JobRecord, *, is_new: bool) -> None:
        """From now on. One that is not new may have changed unseen, and is due at once."""
        now_s = time.monotonic()
        running = job.status == IN_PROGRESS
        looked_s = now_s if is_new else 0.0
        self._jobs[job.endpoint_job_id] = _Followed(
            job.id, job.endpoint_job_id, running, job.cancel_requested, now_s, looked_s
        )
        if job.endpoint_job_id in self._early:
            self.wake(job.endpoint_job_id)

    def wake(self, endpoint_job_id: str) -> None:
        """Something may have changed: look as soon as possible."""
        if endpoint_job_id in self._jobs:
            self._woken[endpoint_job_id] = None
            self._news.set()
        else:  # it may be told before the answer to its submission has arrived
            self._early[endpoint_job_id] = None
            if len(self._early) > _MOST_EARLY:
                del self._early[next(iter(self._early))]

    def cancel(self, endpoint_job_id: str) -> None:
        """Ask the endpoint to cancel it, until it has ended."""
        if endpoint_job_id in self._jobs:
            self._jobs[endpoint_job_id].cancel = True
            self.wake(endpoint_job_id)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for followed in self._next():
                    followed.looking = True
                    self._looking += 1
                    group.create_task(self._look(followed))
                try:
                    async with asyncio.timeout(self._pace.tick_s):
                        await self._news.wait()
                except TimeoutError:
                    continue

    def _next(self) -> list[_Followed]:
        """Whom to look at now: first those with news, then those that are due, within the allowance."""
        free = self._pace.looks_at_once - self._looking
        chosen: list[_Followed] = []
        for endpoint_job_id in list(self._woken):
            followed = self._jobs.get(endpoint_job_id)
            if len(chosen) >= free:
                return chosen
            if followed is None or not followed.looking:
                del self._woken[endpoint_job_id]
                chosen += [followed] if followed is not None else []
        return chosen + self._due(free - len(chosen), {item.endpoint_job_id for item in chosen})

    def _due(self, free: int, chosen: set[str]) -> list[_Followed]:
        now_s = time.monotonic()
        passed_s, self._counted_s = now_s - self._counted_s, now_s
        self._allowance = min(self._rate, self._allowance + passed_s * self._rate)
        most = min(free, int(self._allowance))
        if most <= 0 or now_s < self._pause_until_s:
            return []
        due = sorted(
            (item for item in self._overdue(now_s) if item[2].endpoint_job_id not in chosen),
            key=lambda item: item[:2],
        )
        self._allowance -= min(most, len(due))
        return [followed for _, _, followed in due[:most]]

    def _overdue(self, now_s: float) -> Iterator[tuple[bool, float, _Followed]]:
        """With their order: those that somebody waits for, then whoever was not looked at for longest."""
        front = self._pace.front
        for followed in self._jobs.values():
            near = followed.running or front > 0
            front -= not followed.running
            waited_for = followed.cancel or self._book.watchers.is_watched(followed.job_id)
            interval_s = self._pace.look_interval_s(
                age_s=now_s - followed.since_s, waited_for=waited_for, near=near, announced=self._announced
            )
            if not followed.looking and now_s - followed.looked_s >= interval_s:
                yield not waited_for, followed.looked_s, followed

    async def _look(self, followed: _Followed) -> None:
        looked_s = 0.0
        try:
            found = await self._ask(followed)
            self._failures = 0
            await self._learn(followed, found)
            looked_s = time.monotonic()
        except (BackendError, StorageError) as error:
            self._pause(error)
            _log.warning("status_unknown", job_id=followed.job_id, code=error.code, message=error.message)
        except Exception:  # a border: one job's bad luck must not stop the others
            looked_s = time.monotonic()
            _log.exception("following_broke", job_id=followed.job_id)
        finally:
            followed.looked_s = looked_s
            followed.looking = False
            self._looking -= 1
            self._news.set()

    def _pause(self, error: BackendError | StorageError) -> None:
        self._failures += 1
        asked_s = error.retry_after_s if isinstance(error, BackendError) else None
        self._pause_until_s = time.monotonic() + max(self._pace.retry_s(self._failures), asked_s or 0.0)

    async def _ask(self, followed: _Followed) -> Finding:
        if followed.cancel:
            # Whatever comes of it: what an endpoint says to the cancel of a finished job is not documented.
            with contextlib.suppress(BackendError):
                await self._backend.cancel(followed.endpoint_job_id)
        try:
            return finding(await self._backend.status(followed.endpoint_job_id))
        except JobUnknown:
            return Over(Ending(status=CANCELLED), proof_first=True) if followed.cancel else unknown_to_endpoint()

    async def _learn(self, followed: _Followed, found: Finding) -> None:
        match found:
            case Queued():
                await self._move(followed, running=False)
            case Running(progress):
                await self._move(followed, running=True)
                if progress is not None:
                    self._book.progress(followed.job_id, progress)
            case Over():
                await self._end(followed, found)

    async def _move(self, followed: _Followed, *, running: bool) -> None:
        if followed.running != running:
            change = self._book.running if running else self._book.queued
            await change(followed.job_id)
            followed.running = running
            followed.since_s = time.monotonic()

    async def _end(self, followed: _Followed, over: Over) -> None:
        job = self._book.get(followed.job_id)
        if job is not None and not job.is_final and job.endpoint_job_id == followed.endpoint_job_id:
            ending = await self._proven(job) if over.proof_first else None
            delay_s = self._pace.resubmit_s(job.submissions) if over.again and not followed.cancel else None
            if ending is None and delay_s is not None:
                await self._book.back(job.id, over.ending.failure)
                self._lost(job.id, delay_s)
            else:
                await self._book.finish(job.id, ending or over.ending)
        self._jobs.pop(followed.endpoint_job_id, None)

    async def _proven(self, job: JobRecord) -> Ending | None:
        result = await self._proofs.result_of(job)
        if result is None:
            return None
        return Ending(status=COMPLETED, result=result, execution_time_ms=round(result.timings.total_s * 1000))
