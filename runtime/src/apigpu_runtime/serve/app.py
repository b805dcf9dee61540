"""The parts put together, each given what it needs and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.backend import BackendError, Diagnosis
from apigpu_runtime.callers import CLIENT, caller_of
from apigpu_runtime.database import Database
from apigpu_runtime.digest import operations_digest
from apigpu_runtime.execute import Machine
from apigpu_runtime.playground.headers import media_origins
from apigpu_runtime.playground.pages import playground_routes
from apigpu_runtime.proxy.authenticate import Authenticate, check_listen
from apigpu_runtime.proxy.bodies import BodyReader
from apigpu_runtime.proxy.docs_page import docs_routes
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.dry_run import DryRuns, dry_run_routes
from apigpu_runtime.proxy.health import health_routes
from apigpu_runtime.proxy.job_routes import job_routes
from apigpu_runtime.proxy.job_store import open_counts
from apigpu_runtime.proxy.jobs import Jobs
from apigpu_runtime.proxy.keeping import Keeper
from apigpu_runtime.proxy.keys import KeyStore
from apigpu_runtime.proxy.local_access import is_loopback
from apigpu_runtime.proxy.logs import AccessLog, configure_logs
from apigpu_runtime.proxy.metrics import Metrics, RequestMetrics
from apigpu_runtime.proxy.n8n import n8n_routes
from apigpu_runtime.proxy.openapi import openapi_document, openapi_routes
from apigpu_runtime.proxy.operation_routes import Patience, operation_routes
from apigpu_runtime.proxy.planning import planning_routes
from apigpu_runtime.proxy.preview import Previews, preview_routes
from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.proxy.request_ids import RequestIds
from apigpu_runtime.proxy.schema import MIGRATIONS as JOBS
from apigpu_runtime.proxy.sessions import session_routes
from apigpu_runtime.proxy.upload_ledger import MIGRATIONS as UPLOADS
from apigpu_runtime.proxy.upload_ledger import UploadLedger
from apigpu_runtime.proxy.uploads import upload_routes
from apigpu_runtime.proxy.webhooks import MIGRATIONS as WEBHOOKS
from apigpu_runtime.proxy.webhooks import Webhooks, check_webhook_url, signing_secrets, webhook_routes
from apigpu_runtime.serve.options import DataFolder, ServeOptions
from apigpu_runtime.serve.queue import Queue, local_queue, runpod_queue
from apigpu_runtime.serve.server import address_of, listening, serve_until_stopped
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.file_routes import file_routes
from apigpu_runtime.storage.folder import FolderStorage
from apigpu_runtime.storage.open import open_storage

VERSION = version("apigpu-runtime")
_log = structlog.get_logger("apigpu.serve")


def serve(options: ServeOptions, settings: Settings) -> int:
    """Serve until a signal comes. Raises InputError and SetupError for what cannot be served."""
    configure_logs()
    folder = DataFolder.made(options.data_dir)
    with folder.held():
        keys = KeyStore(folder.keys)
        check_listen(options.host, keys)
        bound = listening(options.host, options.port)
        address = address_of(bound)
        house = House(options, settings, folder, keys, address)
        serve_until_stopped(house.app(), bound, on_ready=lambda: _greet(house), on_stop=house.leave)
        keys.close()
    return 0


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
        )

    def app(self) -> Starlette:
        middleware = [
            Middleware(RequestMetrics, metrics=self.metrics),
            Middleware(RequestIds),
            Middleware(AccessLog),
            Middleware(
                Authenticate,
                keys=self.keys,
                loopback_only=is_loopback(self.options.host),
                session_secret=self.folder.secret("sessions"),
                internal_tokens=self.queue.tokens,
            ),
        ]
        return Starlette(
            routes=self._routes(), middleware=middleware, exception_handlers=error_handlers, lifespan=self._lifespan
        )

    def _routes(self) -> list[BaseRoute]:
        keeper = Keeper(
            storage=self.storage,
            ledger=self.uploads,
            retention_s=self.settings.retention_s,
            max_bytes=self.settings.max_download_bytes,
        )
        bodies = BodyReader(registry=self.registry, keeper=keeper)
        machine = cache(lambda: Machine.found(self.inside))
        plans_for = "l4" if self.options.runpod else "auto"

        async def read(request: Request, operation: Operation | None) -> dict[str, Any]:
            document = await bodies.read(request, operation)
            if url := document.get("webhook_url"):
                check_webhook_url(url, self.settings)
            return document

        document = openapi_document(self.registry, version=VERSION, public_url=self.public_url)
        routes: list[BaseRoute] = [
            *dry_run_routes(DryRuns(reader=bodies, machine=machine, settings=self.inside, default_target=plans_for)),
            *preview_routes(Previews(reader=bodies, machine=machine, settings=self.inside)),
            *n8n_routes(self.registry, public_url=self.public_url),
            *operation_routes(
                self.registry,
                self.jobs,
                read,
                patience=Patience(default_s=self.options.wait_s),
                bodies_are_checked=True,
            ),
            *job_routes(self.jobs),
            *upload_routes(keeper),
            *planning_routes(
                bodies,
                replace(self.settings, trusted_urls=(*self.settings.trusted_urls, f"{self.public_url}/files/")),
                default_target="l4" if self.options.runpod else "auto",
            ),
            *webhook_routes(self.webhooks, public_url=self.public_url),
            *session_routes(self.keys, self.folder.secret("sessions")),
            *openapi_routes(document),
            *docs_routes(),
            *docs_routes(),
            *health_routes(self.registry, self.queue.backend, version=VERSION, digest=self.digest),
            *self.metrics.routes(),
            *playground_routes(
                self.registry,
                version=VERSION,
                needs_login=lambda request: CLIENT not in caller_of(request).scopes,
                uses_keys=self.keys.any,
                media_origins=media_origins(self.storage, self.settings.storage_public_url),
            ),
            *self.queue.routes,
        ]
        if isinstance(self.storage, FolderStorage):
            routes += file_routes(self.storage, max_bytes=self.settings.max_download_bytes)
        return routes

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
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


def _greet(house: House) -> None:
    operations = ", ".join(house.registry.operations) or "none: pip install apigpu-caption"
    behind = f"RunPod endpoint {house.options.runpod}" if house.options.runpod else "workers of this machine"
    lines = [
        f"apigpu serves at {house.address}",
        f"  playground  {house.public_url}/",
        f"  API         {house.public_url}/docs",
        f"  operations  {operations}",
        f"  rendering   {behind}",
    ]
    lines += [f"  FAILED      {item.plugin} ({item.distribution}): {item.error}" for item in house.registry.failures]
    print("\n".join(lines), file=sys.stdout, flush=True)
