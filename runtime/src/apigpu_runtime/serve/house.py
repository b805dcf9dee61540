"""The parts of one server, each given what it needs and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version

import structlog
from starlette.applications import Starlette

from apigpu.registry import Registry
from apigpu_runtime.backend import BackendError, Diagnosis
from apigpu_runtime.database import Database
from apigpu_runtime.digest import operations_digest
from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.bodies.upload_ledger import MIGRATIONS as UPLOADS
from apigpu_runtime.proxy.bodies.upload_ledger import UploadLedger
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.job_store import open_counts
from apigpu_runtime.proxy.jobs.jobs import Jobs
from apigpu_runtime.proxy.jobs.schema import MIGRATIONS as JOBS
from apigpu_runtime.proxy.observing.metrics import Metrics
from apigpu_runtime.proxy.webhooks import MIGRATIONS as WEBHOOKS
from apigpu_runtime.proxy.webhooks import Webhooks, signing_secrets
from apigpu_runtime.serve.options import DataFolder, ServeOptions
from apigpu_runtime.serve.queue import Queue, local_queue, runpod_queue
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.open import open_storage

VERSION = version("apigpu-runtime")
_DAY_MS = 24 * 3600 * 1000
_MOST_S = 7 * 24 * 3600.0
_log = structlog.get_logger("apigpu.serve")


class House:
    """One server, from its folder to its routes. `address` is where this machine reaches it."""

    def __init__(
        self, options: ServeOptions, settings: Settings, folder: DataFolder, keys: KeyStore, address: str
    ) -> None:
        self.options, self.settings, self.folder, self.keys = options, settings, folder, keys
        self.address = address
        self.public_url = options.public_url or address
        # What this server itself keeps may be fetched although its address is private.
        self.inside = replace(settings, trusted_urls=(*settings.trusted_urls, f"{self.public_url}/files/"))
        self.registry = Registry.discover()
        self.digest = operations_digest(self.registry)
        self.metrics = Metrics(
            version=VERSION,
            digest=self.digest,
            job_counts=lambda: self.database.read_now(open_counts),
            webhook_counts=lambda: self.webhooks.counts(),
        )
        self.storage = self._storage()
        self.database = Database(folder.jobs, [*JOBS, *WEBHOOKS, *UPLOADS])
        self.uploads = UploadLedger(self.database, self.storage)
        self.webhooks = Webhooks(
            self.database,
            settings=settings,
            secrets=signing_secrets(settings, folder.secret("webhooks")),
            on_try=lambda delivery, done: self.metrics.webhook_tried(done.http_status, done.is_taken),
        )
        self.queue = self._queue()
        self.jobs = Jobs(
            self.database,
            registry=self.registry,
            backend=self.queue.backend,
            storage=self.storage,
            digest=self.digest,
            public_url=self.public_url,
            on_finished=self._finished,
            announced=self.queue.announced,
            retention_s=settings.retention_s,
            policy=_policy(settings),
        )

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """All parts work as long as the block lasts."""
        async with self.queue.running(), self.webhooks.running(), self.uploads.running(), self.jobs.running():
            looking = asyncio.create_task(self._look_behind())
            yield
            looking.cancel()
        self.database.close()

    async def _look_behind(self) -> None:
        """Say at once what would make every job wait, such as a wrong key."""
        try:
            found = await self.queue.backend.diagnose()
        except BackendError as error:
            found = Diagnosis(error.code, error.message, error.remedy)
        if found is not None:
            _log.warning("endpoint_trouble", code=found.code, message=found.message, remedy=found.remedy)

    async def leave(self) -> None:
        """Nobody is kept waiting any longer: workers hand back what they have, clients are told how things stand."""
        self.jobs.release()
        await self.queue.leave()

    def _storage(self) -> Storage | None:
        # A worker at RunPod reaches the files of this machine only if they have a public address.
        has_folder = not self.options.runpod or bool(self.options.public_url)
        return open_storage(
            self.settings,
            folder=self.folder.files if has_folder else None,
            base_url=self.public_url,
            secret=self.folder.secret("files"),
        )

    def _queue(self) -> Queue:
        if self.options.runpod:
            return runpod_queue(self.options.runpod, self.settings)
        return local_queue(
            self.options,
            self.inside,
            self.folder,
            address=self.address,
            on_change=lambda job_id: self.jobs.wake(job_id),
        )

    def _finished(self, connection: sqlite3.Connection, job: JobRecord) -> None:
        self.webhooks.record(connection, job, self.jobs.answers.document(job))
        self.metrics.job_finished(job)


def _policy(settings: Settings) -> dict[str, int]:
    """RunPod's `policy` of a job, in milliseconds. The time to live counts from the submission, waiting included."""
    execution_ms = int(min(max(settings.execution_timeout_s, 5.0), _MOST_S) * 1000)
    return {"executionTimeout": execution_ms, "ttl": min(_DAY_MS + execution_ms, int(_MOST_S * 1000))}
