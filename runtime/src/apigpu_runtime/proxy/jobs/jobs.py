"""The proxy's jobs: taken, handed on, followed and told, whatever is killed in between."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog

from apigpu.errors import InputError
from apigpu.registry import Registry
from apigpu_runtime.backend import CANCELLED, Backend
from apigpu_runtime.database import Database
from apigpu_runtime.proxy.documents import JobDocument, JobRecord
from apigpu_runtime.proxy.jobs import job_store
from apigpu_runtime.proxy.jobs.answers import Answers
from apigpu_runtime.proxy.jobs.follower import Follower
from apigpu_runtime.proxy.jobs.job_book import JobBook, OnFinished, tell_nobody
from apigpu_runtime.proxy.jobs.job_store import Ending, JobFilter
from apigpu_runtime.proxy.jobs.outbox import Outbox
from apigpu_runtime.proxy.jobs.pace import DEFAULT_PACE, Pace
from apigpu_runtime.proxy.jobs.proofs import Proofs
from apigpu_runtime.proxy.jobs.retention import Retention
from apigpu_runtime.proxy.jobs.submission import Origin, endpoint_document, new_job, request_digest
from apigpu_runtime.proxy.jobs.waiting import Reasons
from apigpu_runtime.settings import DEFAULT_RETENTION_S
from apigpu_runtime.storage import Storage

_log = structlog.get_logger("apigpu.proxy")

NO_ORIGIN = Origin()


@dataclass(frozen=True)
class Submitted:
    """A job, and whether it is new: an idempotency key may stand for one that was there."""

    job: JobRecord
    is_new: bool


class Jobs:
    """All that clients can do with jobs.

    `on_finished` works in the transaction that ends a job. `announced`: the backend tells each change by `wake`.
    """

    def __init__(
        self,
        database: Database,
        *,
        registry: Registry,
        backend: Backend,
        storage: Storage | None,
        digest: str,
        public_url: str,
        on_finished: OnFinished = tell_nobody,
        announced: bool = False,
        retention_s: float = DEFAULT_RETENTION_S,
        policy: Mapping[str, Any] | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        self.registry = registry
        self.storage = storage
        self.answers = Answers(storage, public_url)
        self._book = JobBook(database, on_finished)
        self._outbox = Outbox(
            self._book,
            backend,
            write=lambda job: endpoint_document(job, digest=digest, storage=storage),
            taken=lambda job_id: self._follower.follow(self.get(job_id), is_new=True),
            pace=pace,
            policy=policy,
        )
        self._follower = Follower(
            self._book,
            backend,
            proofs=Proofs(storage),
            lost=lambda job_id, delay_s: self._outbox.add(job_id, delay_s=delay_s),
            pace=pace,
            announced=announced,
        )
        self._retention = Retention(database, storage, retention_s=retention_s)
        self._reasons = Reasons(backend, self._outbox)
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Jobs are handed in, followed and forgotten, those of earlier runs too."""
        self._loop = asyncio.get_running_loop()
        await self._take_up()
        tasks = [asyncio.create_task(part.run()) for part in (self._outbox, self._follower, self._retention)]
        for task in tasks:
            task.add_done_callback(_tell_if_broken)
        try:
            yield
        finally:
            self.release()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def submit(
        self, operation: str, document: Mapping[str, Any], *, origin: Origin = NO_ORIGIN, is_checked: bool = False
    ) -> Submitted:
        """Take a job: it will be done or fail with a reason. Raises InputError.

        `is_checked`: whoever read the request has already checked it against the operation.
        """
        now_s = time.time()
        job = new_job(self.registry, operation, document, origin=origin, now_s=now_s, is_checked=is_checked)
        submitted = await self._insert(job, origin)
        if submitted.is_new:
            self._outbox.add(job.id)
        return submitted

    def get(self, job_id: str) -> JobRecord:
        """Raises InputError, code `unknown_job`."""
        job = self._book.get(job_id)
        if job is None:
            raise InputError(
                f"there is no job {job_id[:64]!r}.",
                code="unknown_job",
                remedy="Finished jobs are forgotten after a while.",
            )
        return job

    async def list(self, wanted: JobFilter) -> list[JobRecord]:
        """The newest first."""
        return await self._book.matching(wanted)

    async def wait(self, job_id: str, *, timeout_s: float) -> JobRecord:
        """The job once it has ended, or as it stands after `timeout_s`. Raises InputError."""
        watchers = self._book.watchers
        with watchers.watch(job_id) as event:
            job = self.get(job_id)
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while not (job.is_final or watchers.closed):
                        await event.wait()
                        event.clear()
                        job = self.get(job_id)
        return job

    async def changes(self, job_id: str) -> AsyncGenerator[JobRecord, None]:
        """The job now and after each change, until it has ended or the proxy stops. Raises InputError."""
        with self._book.watchers.watch(job_id) as event:
            while True:
                event.clear()
                job = self.get(job_id)
                yield job
                if job.is_final or self._book.watchers.closed:
                    return
                await event.wait()

    async def cancel(self, job_id: str) -> JobRecord:
        """The job is cancelled, or will be as soon as the endpoint obeys. One that has ended stays as it is."""
        job = self.get(job_id)
        if job.is_final:
            return job
        if job.endpoint_job_id or self._outbox.is_handing_in(job_id):
            await self._book.cancel_requested(job_id)
            self._follower.cancel(self.get(job_id).endpoint_job_id)
        else:
            await self._book.finish(job_id, Ending(status=CANCELLED))
        return self.get(job_id)

    def wake(self, endpoint_job_id: str) -> None:
        """The endpoint says that this job has changed. May be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._follower.wake, endpoint_job_id)

    def release(self) -> None:
        """Whoever waits for a job is answered now, with the job as it stands: the proxy is about to stop."""
        self._book.watchers.close()

    async def document(self, job: JobRecord) -> JobDocument:
        """What clients are told of a job, with the reason why it waits."""
        return self.answers.document(job, waiting=await self._reasons.reason(job))

    async def sweep(self) -> int:
        """Forget what has been kept long enough; how many jobs it was."""
        return await self._retention.sweep(time.time())

    async def _take_up(self) -> None:
        """Go on where an earlier run was stopped."""
        for job in await self._book.unfinished():
            if job.endpoint_job_id:
                self._follower.follow(job, is_new=False)
            else:
                self._outbox.add(job.id)

    async def _insert(self, job: JobRecord, origin: Origin) -> Submitted:
        key = origin.idempotency_key
        digest = request_digest(job) if key else ""

        def work(connection: sqlite3.Connection) -> job_store.Keyed | None:
            known = job_store.find_keyed(connection, job.key_id, key) if key else None
            if known is None:
                job_store.insert(connection, job, idempotency_key=key, request_digest=digest)
            return known

        known = await self._book.database.write(work)
        if known is None:
            return Submitted(job, is_new=True)
        if known.request_digest != digest:
            raise InputError(
                "this key was used before, for another request.",
                code="idempotency_conflict",
                where="Idempotency-Key",
                remedy="Send a new key with a new request.",
            )
        return Submitted(self.get(known.job_id), is_new=False)


def _tell_if_broken(task: asyncio.Task[None]) -> None:
    """A part that ends by itself is a fault of apigpu's, and jobs wait until the proxy is started again."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("jobs_stopped", exc_info=error)
