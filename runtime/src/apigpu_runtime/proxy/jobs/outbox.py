"""Hands jobs to the endpoint: each until it is taken, slowly where the endpoint has trouble."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from apigpu.errors import ApiGpuError
from apigpu_runtime.backend import CANCELLED, FAILED, Backend, BackendError
from apigpu_runtime.envelope import Failure
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.job_book import JobBook
from apigpu_runtime.proxy.jobs.job_store import Ending
from apigpu_runtime.proxy.jobs.pace import Pace
from apigpu_runtime.proxy.jobs.submission import submission_id
from apigpu_runtime.storage.errors import StorageError

_log = structlog.get_logger("apigpu.proxy")


class Outbox:
    """Jobs that the endpoint must get. The rows are the truth; what stands here is only when to try which.

    `write` makes the document for the endpoint; `taken` is told of each job that it took.
    """

    def __init__(
        self,
        book: JobBook,
        backend: Backend,
        *,
        write: Callable[[JobRecord], dict[str, Any]],
        taken: Callable[[str], None],
        pace: Pace,
        policy: Mapping[str, Any] | None = None,
    ) -> None:
        self.trouble: ApiGpuError | None = None
        """Why the endpoint took no job when it was last asked; None when it took one."""
        self._book = book
        self._backend = backend
        self._document = write
        self._taken = taken
        self._pace = pace
        self._policy = policy
        self._waiting: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._tries: dict[str, int] = {}
        self._under_way: set[str] = set()
        self._failures = 0
        self._pause_until_s = 0.0
        self._news = asyncio.Event()

    def add(self, job_id: str, *, delay_s: float = 0.0) -> None:
        entry = (time.monotonic() + delay_s, next(self._order), job_id)
        heapq.heappush(self._waiting, entry)
        if self._waiting[0] is entry:
            self._news.set()

    def is_handing_in(self, job_id: str) -> bool:
        """Whether the endpoint is being asked to take it right now."""
        return job_id in self._under_way

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                while (delay_s := self._delay_s()) == 0.0:
                    job_id = heapq.heappop(self._waiting)[2]
                    self._under_way.add(job_id)
                    group.create_task(self._hand_in(job_id))
                await _set_or_after(self._news, delay_s)

    def _delay_s(self) -> float | None:
        """Seconds to the next attempt; None: until something happens. In trouble one job tries for all."""
        at_once = 1 if self._failures else self._pace.submissions_at_once
        if not self._waiting or len(self._under_way) >= at_once:
            return None
        return max(0.0, max(self._waiting[0][0], self._pause_until_s) - time.monotonic())

    async def _hand_in(self, job_id: str) -> None:
        try:
            job = self._book.get(job_id)
            if job is not None and not job.is_final and not job.endpoint_job_id:
                with structlog.contextvars.bound_contextvars(job_id=job_id, request_id=job.request_id):
                    await self._submit(job)
        except Exception:  # a border: one job's bad luck must not stop the others
            _log.exception("submission_broke", job_id=job_id)
            self._later(job_id, None)
        finally:
            self._under_way.discard(job_id)
            self._news.set()

    async def _submit(self, job: JobRecord) -> None:
        if job.cancel_requested:
            await self._book.finish(job.id, Ending(status=CANCELLED))
            return
        try:
            document = self._document(job)
            endpoint_job_id = await self._backend.run(document, job_id=submission_id(job), policy=self._policy)
        except (BackendError, StorageError) as error:
            await self._refused(job, error)
            return
        self._settled(job.id)
        if await self._book.taken(job.id, endpoint_job_id):
            self._taken(job.id)
        else:  # ended meanwhile, by its client
            await _quietly(self._backend.cancel(endpoint_job_id))

    async def _refused(self, job: JobRecord, error: BackendError | StorageError) -> None:
        if not error.retryable:
            self._settled(job.id)
            _log.warning("job_refused", code=error.code, message=error.message)
            await self._book.finish(job.id, Ending(status=FAILED, failure=Failure.of(error, fault="machine")))
            return
        if self.trouble is None or self.trouble.code != error.code:
            _log.warning("endpoint_takes_no_jobs", code=error.code, message=error.message)
        self.trouble = error
        self._later(job.id, error.retry_after_s if isinstance(error, BackendError) else None)
        known = self._book.get(job.id)
        if known is not None and known.cancel_requested:
            await self._book.finish(job.id, Ending(status=CANCELLED))

    def _later(self, job_id: str, retry_after_s: float | None) -> None:
        """Another try, this job's wait growing with its own tries, everybody's with those of all."""
        tries = self._tries[job_id] = self._tries.get(job_id, 0) + 1
        self._failures += 1
        pause_s = max(self._pace.retry_s(self._failures), retry_after_s or 0.0)
        self._pause_until_s = time.monotonic() + pause_s
        self.add(job_id, delay_s=max(self._pace.retry_s(tries), retry_after_s or 0.0))

    def _settled(self, job_id: str) -> None:
        self._tries.pop(job_id, None)
        self._failures = 0
        self.trouble = None


async def _set_or_after(event: asyncio.Event, delay_s: float | None) -> None:
    if delay_s is None:
        await event.wait()
        return
    try:
        async with asyncio.timeout(delay_s):
            await event.wait()
    except TimeoutError:
        return


async def _quietly(call: Awaitable[object]) -> None:
    try:
        await call
    except BackendError as error:
        _log.info("cancel_failed", code=error.code, message=error.message)
