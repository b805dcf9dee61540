"""A proxy in process, with an endpoint that does what a test tells it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request

from apigpu.errors import InputError
from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.backend import (
    CANCELLED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    IN_QUEUE,
    Backend,
    BackendError,
    Diagnosis,
    EndpointHealth,
    JobStatus,
    JobUnknown,
)
from apigpu_runtime.callers import Caller, as_caller
from apigpu_runtime.database import Database
from apigpu_runtime.digest import operations_digest
from apigpu_runtime.envelope import Failure, OutputFile, Result, progress_output
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.job_routes import job_routes
from apigpu_runtime.proxy.jobs.jobs import Jobs
from apigpu_runtime.proxy.jobs.operation_routes import Patience, operation_routes
from apigpu_runtime.proxy.jobs.pace import Pace
from apigpu_runtime.proxy.jobs.schema import MIGRATIONS
from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.proxy.refusals import malformed
from apigpu_runtime.proxy.request_ids import RequestIds
from apigpu_runtime.storage import Storage

PUBLIC_URL = "http://proxy.test"
QUICK = Pace(
    retry_first_s=0.02,
    retry_most_s=0.1,
    resubmit_after_s=(0.01, 0.01),
    tick_s=0.02,
    look_s=0.05,
    looks_per_s=1000.0,
    front=1000,
)
CAPTION = {"url_video": "https://example.com/talk.mp4", "url_srt": "https://example.com/talk.srt"}
SEED_REQUESTS = {
    "caption": CAPTION,
    "img2vid": {"url_image": "https://example.com/photo.jpg", "frame_rate": 24, "duration": 5.0},
    "addaudio": {"url_video": "https://example.com/video.mp4", "url_audio": "https://example.com/voice.mp3"},
}


@dataclass
class Taken:
    """A job as the endpoint has it."""

    id: str
    document: Mapping[str, Any]
    submission_id: str
    status: str = IN_QUEUE
    output: Any = None
    error: Any = None
    execution_time_ms: int | None = None

    @property
    def job_id(self) -> str:
        return str(self.document["apigpu"]["job_id"])


@dataclass
class FakeEndpoint:
    """RunPod's endpoint API in memory. `refusals` are raised by `run`, the first first; calls are counted."""

    name: str = "fake"
    jobs: dict[str, Taken] = field(default_factory=dict)
    refusals: list[BackendError] = field(default_factory=list)
    why: Diagnosis | None = None
    on_change: Callable[[str], None] = lambda job_id: None
    at_once: bool = False
    """Jobs are done the moment that they are taken."""
    looks: int = 0
    runs: int = 0
    cancels: int = 0
    down: BackendError | None = None
    first_number: int = 0

    def __post_init__(self) -> None:
        self._numbers = itertools.count(self.first_number)

    async def run(self, document: Mapping[str, Any], *, job_id: str, policy: Mapping[str, Any] | None = None) -> str:
        self.runs += 1
        await asyncio.sleep(0)
        if self.refusals:
            raise self.refusals.pop(0)
        known = [taken for taken in self.jobs.values() if taken.submission_id == job_id]
        taken = known[0] if known else Taken(f"e{next(self._numbers)}", document, job_id)
        self.jobs[taken.id] = taken
        if self.at_once:
            self.complete(taken)
        return taken.id

    async def status(self, endpoint_job_id: str) -> JobStatus:
        self.looks += 1
        await asyncio.sleep(0)
        if self.down is not None:
            raise self.down
        taken = self.jobs.get(endpoint_job_id)
        if taken is None:
            raise JobUnknown("there is no such job.")
        return JobStatus(
            taken.id, taken.status, taken.output, taken.error, 10, execution_time_ms=taken.execution_time_ms
        )

    async def cancel(self, endpoint_job_id: str) -> None:
        self.cancels += 1
        taken = self.jobs.get(endpoint_job_id)
        if taken is None:
            raise JobUnknown("there is no such job.")
        self.set(taken, status=CANCELLED)

    async def health(self) -> EndpointHealth:
        return EndpointHealth()

    async def diagnose(self, *, waiting_s: float | None = None) -> Diagnosis | None:
        return self.why

    async def taken(self, number: int = 0) -> Taken:
        """The job that was taken as the `number`th, once it is there."""
        await until(lambda: len(self.jobs) > number)
        return list(self.jobs.values())[number]

    def set(self, taken: Taken, **values: Any) -> None:
        for name, value in values.items():
            setattr(taken, name, value)
        self.on_change(taken.id)

    def progress(self, taken: Taken, report: Any) -> None:
        self.set(taken, status=IN_PROGRESS, output=progress_output(report))

    def complete(self, taken: Taken, **facts: Any) -> None:
        self.set(taken, status=COMPLETED, output=result_of(taken, **facts), execution_time_ms=1200)

    def fail(self, taken: Taken, failure: Failure) -> None:
        self.set(taken, status=FAILED, error=failure.model_dump_json(), execution_time_ms=300)


def result_of(taken: Taken, **facts: Any) -> dict[str, Any]:
    """What a worker returns for a job."""
    delivery = taken.document["apigpu"]["delivery"]
    key = delivery["key"] if delivery else ""
    output = OutputFile(
        key=key, url=facts.pop("url", ""), content_type="video/mp4", size_bytes=4, sha256="0" * 64, duration_s=1
    )
    operation = taken.document["operation"]
    return Result(job_id=taken.job_id, operation=operation, outputs=[output], **facts).model_dump(mode="json")


@dataclass
class Proxy:
    """A running proxy: its jobs, its endpoint, and a client that speaks HTTP to it."""

    jobs: Jobs
    endpoint: FakeEndpoint
    client: httpx2.AsyncClient
    finished: list[JobRecord]
    database: Database

    async def post(
        self, operation: str = "caption", body: Mapping[str, Any] = CAPTION, **headers: str
    ) -> httpx2.Response:
        """Send a request; `prefer_` and such become headers."""
        sent = {name.strip("_").replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"/video/{operation}", json=body, headers=sent)

    async def queued(self, **headers: str) -> dict[str, Any]:
        """A job that was taken and not waited for."""
        answer = await self.post(prefer="respond-async", **headers)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def job(self, job_id: str) -> dict[str, Any]:
        return dict((await self.client.get(f"/jobs/{job_id}")).json())

    async def ended(self, job_id: str) -> JobRecord:
        job = await self.jobs.wait(job_id, timeout_s=10)
        assert job.is_final, job
        return job


@asynccontextmanager
async def proxy(
    path: Path,
    endpoint: FakeEndpoint | None = None,
    *,
    backend: Backend | None = None,
    storage: Storage | None = None,
    announced: bool = False,
    pace: Pace = QUICK,
    wait_s: float = 5.0,
    key_id: str = "",
    retention_s: float = 3600.0,
) -> AsyncIterator[Proxy]:
    """A proxy whose database lies at `path`: a second one there goes on where the first was. `backend` is there in
    place of an endpoint that a test plays."""
    endpoint = endpoint or FakeEndpoint()
    finished: list[JobRecord] = []
    registry = Registry.discover()
    database = Database(path, MIGRATIONS)
    jobs = Jobs(
        database,
        registry=registry,
        backend=backend or endpoint,
        storage=storage,
        digest=operations_digest(registry),
        public_url=PUBLIC_URL,
        on_finished=lambda connection, job: finished.append(job),
        announced=announced,
        pace=pace,
        retention_s=retention_s,
    )
    if announced:
        endpoint.on_change = jobs.wake
    routes = [
        *operation_routes(registry, jobs, read_json, patience=Patience(default_s=wait_s)),
        *job_routes(jobs),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(RequestIds)], exception_handlers=dict(error_handlers))
    called = as_caller(app, Caller("test", frozenset({"client"}), key_id))
    transport = httpx2.ASGITransport(called, raise_app_exceptions=False)
    try:
        async with (
            httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL, timeout=30) as client,
            jobs.running(),
        ):
            yield Proxy(jobs, endpoint, client, finished, database)
    finally:
        database.close()


async def read_json(request: Request, operation: Operation | None) -> dict[str, Any]:
    """The simplest reader of bodies."""
    try:
        body = await request.json()
    except ValueError:
        raise malformed("this is no JSON.", code="malformed_json") from None
    if not isinstance(body, dict):
        raise InputError("must be an object.")
    return body


async def until(condition: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
    """Return once it is true; fail if that takes too long."""
    end_s = monotonic() + timeout_s
    while not condition():
        assert monotonic() < end_s, "it never came true"
        await asyncio.sleep(0.005)
