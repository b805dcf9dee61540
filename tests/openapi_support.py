"""The whole proxy over an endpoint that is done at once, with neither renders nor a network behind it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from apigpu.registry import Registry
from apigpu_runtime.database import Database
from apigpu_runtime.digest import operations_digest
from apigpu_runtime.proxy.access.authenticate import Authenticate
from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.bodies.uploads import upload_routes
from apigpu_runtime.proxy.dry_runs.dry_run import DryRuns, dry_run_routes
from apigpu_runtime.proxy.dry_runs.preview import Previews, preview_routes
from apigpu_runtime.proxy.jobs.job_routes import job_routes
from apigpu_runtime.proxy.jobs.jobs import Jobs
from apigpu_runtime.proxy.jobs.operation_routes import Patience, operation_routes
from apigpu_runtime.proxy.jobs.schema import MIGRATIONS as JOBS
from apigpu_runtime.proxy.n8n import n8n_routes
from apigpu_runtime.proxy.observing.health import health_routes
from apigpu_runtime.proxy.observing.metrics import Metrics
from apigpu_runtime.proxy.openapi.docs_page import docs_routes
from apigpu_runtime.proxy.openapi.openapi import openapi_document, openapi_routes
from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.proxy.request_ids import RequestIds
from apigpu_runtime.proxy.webhooks import MIGRATIONS as WEBHOOKS
from apigpu_runtime.proxy.webhooks import Webhooks, webhook_routes
from apigpu_runtime.settings import Settings
from bodies_support import MemoryStorage
from dry_run_support import no_machine
from proxy_support import QUICK, FakeEndpoint

PUBLIC_URL = "http://proxy.test"


def whole_app(folder: Path) -> Starlette:
    """Every route of the proxy that clients call. Its jobs run while its lifespan does."""
    registry, settings, storage = Registry.discover(), Settings(), MemoryStorage()
    database = Database(folder / "jobs.sqlite3", [*JOBS, *WEBHOOKS])
    endpoint = FakeEndpoint(at_once=True)
    digest = operations_digest(registry)
    jobs = Jobs(
        database,
        registry=registry,
        backend=endpoint,
        storage=storage,
        digest=digest,
        public_url=PUBLIC_URL,
        announced=True,
        pace=QUICK,
    )
    endpoint.on_change = jobs.wake
    webhooks = Webhooks(database, settings=settings, secrets=["whsec_" + "A" * 32], client=_deaf_client)
    keeper = Keeper(storage=storage, max_bytes=1 << 20)
    reader = BodyReader(registry=registry, keeper=keeper)
    metrics = Metrics(version="1", digest=digest, job_counts=lambda: {}, webhook_counts=lambda: {})

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with webhooks.running(), jobs.running():
            yield
        database.close()

    routes: list[Route] = [
        *n8n_routes(registry, public_url=PUBLIC_URL),
        *operation_routes(registry, jobs, reader.read, patience=Patience(default_s=5)),
        *job_routes(jobs),
        *upload_routes(keeper),
        *dry_run_routes(DryRuns(reader=reader, machine=no_machine, settings=settings)),
        *preview_routes(Previews(reader=reader, machine=no_machine, settings=settings)),
        *webhook_routes(webhooks, public_url=PUBLIC_URL),
        *openapi_routes(openapi_document(registry, version="1", public_url=PUBLIC_URL)),
        *docs_routes(),
        *health_routes(registry, endpoint, version="1", digest=digest),
        *metrics.routes(),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestIds)],
        exception_handlers=dict(error_handlers),
        lifespan=lifespan,
    )


def _deaf_client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.MockTransport(lambda request: httpx2.Response(200, stream=httpx2.ByteStream(b"thanks")))
    )


@contextmanager
def served_whole(folder: Path) -> Iterator[tuple[str, str]]:
    """The address of the whole proxy, and a key for it."""
    bound = socket.create_server(("127.0.0.1", 0))
    keys = KeyStore(folder / "keys.sqlite3")
    _, key = keys.create("test")
    app = Authenticate(whole_app(folder), keys, loopback_only=False)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}", key
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
        keys.close()
