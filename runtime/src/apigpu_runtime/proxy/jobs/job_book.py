"""Jobs as they stand: rows on the disk, progress in memory, and every change told to whoever watches."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace

from apigpu_runtime.database import Database
from apigpu_runtime.envelope import Failure, ProgressReport
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs import job_store
from apigpu_runtime.proxy.jobs.job_store import Ending, JobFilter
from apigpu_runtime.proxy.jobs.watchers import Watchers

OnFinished = Callable[[sqlite3.Connection, JobRecord], None]


def tell_nobody(connection: sqlite3.Connection, job: JobRecord) -> None:
    """Nobody wants to know."""


class JobBook:
    """The one place that changes jobs. `on_finished` works within the transaction that ends a job."""

    def __init__(self, database: Database, on_finished: OnFinished = tell_nobody) -> None:
        self.database = database
        self.watchers = Watchers()
        self._on_finished = on_finished
        self._progress: dict[str, ProgressReport] = {}

    def get(self, job_id: str) -> JobRecord | None:
        job = self.database.read_now(lambda connection: job_store.find(connection, job_id))
        return self._with_progress(job) if job is not None else None

    async def matching(self, wanted: JobFilter) -> list[JobRecord]:
        jobs = await self.database.read(lambda connection: job_store.matching(connection, wanted))
        return [self._with_progress(job) for job in jobs]

    async def unfinished(self) -> list[JobRecord]:
        return await self.database.read(job_store.unfinished)

    async def taken(self, job_id: str, endpoint_job_id: str) -> bool:
        """The endpoint has it. False where it has ended meanwhile."""
        now_s = time.time()
        return await self._write(job_id, lambda db: job_store.mark_taken(db, job_id, endpoint_job_id, now_s))

    async def running(self, job_id: str) -> bool:
        now_s = time.time()
        return await self._write(job_id, lambda db: job_store.mark_running(db, job_id, now_s))

    async def queued(self, job_id: str) -> bool:
        self._progress.pop(job_id, None)
        return await self._write(job_id, lambda db: job_store.mark_queued(db, job_id))

    async def back(self, job_id: str, failure: Failure | None) -> bool:
        """It must be submitted again, since this happened."""
        self._progress.pop(job_id, None)
        return await self._write(job_id, lambda db: job_store.take_back(db, job_id, failure))

    async def cancel_requested(self, job_id: str) -> bool:
        return await self._write(job_id, lambda db: job_store.request_cancel(db, job_id))

    def progress(self, job_id: str, report: ProgressReport) -> None:
        """Kept in memory: after a restart the endpoint tells it again."""
        if self._progress.get(job_id) != report:
            self._progress[job_id] = report
            self.watchers.tell(job_id)

    async def finish(self, job_id: str, ending: Ending) -> bool:
        """It has ended, and whoever must know of it will. False where it had ended before."""
        now_s = time.time()

        def work(connection: sqlite3.Connection) -> bool:
            job = job_store.finish(connection, job_id, ending, now_s)
            if job is not None:
                self._on_finished(connection, job)
            return job is not None

        finished = await self._write(job_id, work)
        self._progress.pop(job_id, None)
        return finished

    async def _write(self, job_id: str, work: Callable[[sqlite3.Connection], bool]) -> bool:
        changed = await self.database.write(work)
        if changed:
            self.watchers.tell(job_id)
        return changed

    def _with_progress(self, job: JobRecord) -> JobRecord:
        report = None if job.is_final else self._progress.get(job.id)
        return replace(job, progress=report) if report is not None else job
