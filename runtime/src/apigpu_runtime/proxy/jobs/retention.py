"""Forgets finished jobs and their files after a while."""

from __future__ import annotations

import asyncio
import time

import structlog

from apigpu_runtime.database import Database
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs import job_store
from apigpu_runtime.proxy.jobs.submission import envelope_key, result_key
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.errors import StorageError

_log = structlog.get_logger("apigpu.proxy")

IDEMPOTENCY_S = 24 * 3600.0
"""How long an idempotency key is kept at least."""
_SWEEP_S = 24 * 3600.0
_AT_ONCE = 100


class Retention:
    """Files go first and rows last, so that a sweep that was cut short is made good by the next."""

    def __init__(self, database: Database, storage: Storage | None, *, retention_s: float) -> None:
        self._database = database
        self._storage = storage
        self._retention_s = retention_s

    async def run(self) -> None:
        """At the start and once a day, or more often where jobs are kept for less. Until cancelled."""
        while True:
            try:
                await self.sweep(time.time())
            except StorageError as error:
                _log.warning("sweep_failed", code=error.code, message=error.message)
            except Exception:  # a border: the next sweep may go better
                _log.exception("sweep_broke")
            await asyncio.sleep(min(_SWEEP_S, max(60.0, self._retention_s / 4)))

    async def sweep(self, now_s: float) -> int:
        """Forget what is too old; how many jobs it was. Raises StorageError."""
        forgotten = 0
        while old := await self._expired(now_s):
            for job in old:
                await self._delete_files(job)
            ids = [job.id for job in old]
            await self._database.write(lambda connection, ids=ids: job_store.remove(connection, ids))  # type: ignore[misc]
            forgotten += len(ids)
        return forgotten

    async def _expired(self, now_s: float) -> list[JobRecord]:
        return await self._database.read(
            lambda connection: job_store.expired(
                connection,
                finished_before_s=now_s - self._retention_s,
                keyed_before_s=now_s - IDEMPOTENCY_S,
                limit=_AT_ONCE,
            )
        )

    async def _delete_files(self, job: JobRecord) -> None:
        if self._storage is not None:
            await self._storage.delete(result_key(job))
            await self._storage.delete(envelope_key(job))
