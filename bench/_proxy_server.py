"""A server for bench/proxy.py, in a process of its own: `bare` or one of apigpu's, on a socket that it names.

python bench/_proxy_server.py KIND FOLDER
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apigpu.registry import Registry
from apigpu_runtime.backend import BackendError, Diagnosis, EndpointHealth, JobStatus
from apigpu_runtime.database import Database
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs import job_store
from apigpu_runtime.proxy.jobs.operation_routes import operation_routes
from apigpu_runtime.proxy.jobs.schema import MIGRATIONS
from apigpu_runtime.proxy.observing.logs import configure_logs
from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.proxy.request_ids import RequestIds
from apigpu_runtime.serve.house import House
from apigpu_runtime.serve.options import DataFolder, ServeOptions
from apigpu_runtime.serve.queue import Queue
from apigpu_runtime.serve.routes import house_app
from apigpu_runtime.serve.server import address_of, listening, serve_until_stopped
from apigpu_runtime.settings import Settings
from apigpu_runtime.validation import validate_request


class Endpoint:
    """Takes every job at once and never runs it, or takes none."""

    name = "bench"

    def __init__(self, *, takes: bool) -> None:
        self._takes = takes
        self._numbers = itertools.count()

    async def run(self, document: Mapping[str, Any], *, job_id: str, policy: Mapping[str, Any] | None = None) -> str:
        if not self._takes:
            raise BackendError("not now", retryable=True, retry_after_s=3600)
        await asyncio.sleep(0)
        return f"e{next(self._numbers)}"

    async def status(self, endpoint_job_id: str) -> JobStatus:
        return JobStatus(endpoint_job_id, "IN_QUEUE")

    async def cancel(self, endpoint_job_id: str) -> None: ...

    async def health(self) -> EndpointHealth:
        return EndpointHealth()

    async def diagnose(self, *, waiting_s: float | None = None) -> Diagnosis | None:
        return None


class BenchHouse(House):
    """The server of `apigpu serve`, with that endpoint behind it."""

    takes = False

    def _queue(self) -> Queue:
        return Queue(Endpoint(takes=self.takes), lambda: nullcontext(), announced=True)


class TakingHouse(BenchHouse):
    takes = True


def main(kind: str, folder: Path) -> None:
    configure_logs("json", stream=(folder.parent / f"{folder.name}.log").open("w"))
    bound = listening("127.0.0.1", 0)
    address = address_of(bound)
    app = bare(folder) if kind == "bare" else served(kind, folder, address)
    app.router.routes.insert(0, Route("/cpu", _cpu))
    serve_until_stopped(app, bound, on_ready=lambda: print(address, flush=True), on_stop=_nothing)


def served(kind: str, folder: Path, address: str) -> Starlette:
    data = DataFolder.made(folder)
    house_of: Callable[..., House] = TakingHouse if kind == "taking" else BenchHouse
    keys = KeyStore(data.keys)
    if kind == "keyed":
        secret = keys.create("bench")[1]
        (folder / "key").write_text(secret)
    options = ServeOptions(data_dir=folder, max_workers=0)
    house = house_of(options, Settings(environ=dict(os.environ)), data, keys, address)
    return submit_path(house) if kind == "path" else house_app(house)


def submit_path(house: House) -> Starlette:
    """What a job needs to be taken, without what surrounds it: keys, metrics, a line in the log."""
    reader = BodyReader(registry=house.registry, keeper=Keeper(storage=house.storage, retention_s=3600))
    return Starlette(
        routes=operation_routes(house.registry, house.jobs, reader.read, bodies_are_checked=True),
        middleware=[Middleware(RequestIds)],
        exception_handlers=error_handlers,
        lifespan=house.lifespan,
    )


def bare(folder: Path) -> Starlette:
    """The least that a route can do: the same model checked, the same row written to the same kind of database."""
    registry = Registry.discover()
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(folder / "jobs.sqlite3", MIGRATIONS)

    async def run(request: Request) -> Response:
        operation = registry.get(request.path_params["operation"])
        fields = json.loads(await request.body())
        validate_request(operation, fields)
        job = JobRecord(
            id=secrets.token_hex(12),
            operation=operation.name,
            fields=fields,
            options=Options(),
            created_s=time.time(),
            status="IN_QUEUE",
        )
        await database.write(lambda connection: job_store.insert(connection, job))
        return JSONResponse({"id": job.id}, 202)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        database.close()

    return Starlette(routes=[Route("/video/{operation}", run, methods=["POST"])], lifespan=lifespan)


async def _nothing() -> None:
    """The requests that are open end by themselves."""


async def _cpu(request: Request) -> Response:
    return JSONResponse({"cpu_s": time.process_time()})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
