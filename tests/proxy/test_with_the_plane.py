"""The first clients' requests through the real endpoint client and the real plane, to a worker of a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from apigpu_runtime.callers import INTERNAL, as_caller
from apigpu_runtime.endpoint.client import RunPodEndpoint, http_over
from apigpu_runtime.envelope import Failure, OutputFile, Result
from apigpu_runtime.plane.app import plane_app
from apigpu_runtime.plane.plane import Plane
from proxy_support import SEED_REQUESTS, Proxy, proxy, until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("operation", SEED_REQUESTS)
async def test_a_request_of_the_first_clients_goes_all_the_way(tmp_path: Path, operation: str) -> None:
    async with served(tmp_path) as (api, worker):
        sent = asyncio.create_task(api.post(operation, SEED_REQUESTS[operation], x_api_key="k"))
        job = await taken(worker)
        await done(worker, job, output=result_of(job))
        answer = await sent
    body = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (200, 200, "COMPLETED")
    assert body["video_url"] == "https://cdn.example.com/made.mp4"
    assert body["stats"]["jobId"] == job["input"]["apigpu"]["job_id"] == body["id"]
    assert body["stats"]["executionTime"] is not None
    assert body["execution"]["startTime"] <= body["execution"]["endTime"]


async def test_the_failure_of_a_worker_arrives_as_it_was_written(tmp_path: Path) -> None:
    failure = Failure(code="no_picture", message="the file has no picture.", where="url_video", fault="user")
    async with served(tmp_path) as (api, worker):
        sent = asyncio.create_task(api.post())
        await done(worker, await taken(worker), error=failure.model_dump_json())
        answer = await sent
    assert (answer.status_code, answer.json()["code"]) == (422, "no_picture")
    assert answer.json()["failure"]["where"] == "url_video"


async def test_progress_is_seen_and_a_failed_submission_made_anew(tmp_path: Path) -> None:
    skew = Failure(code="version_skew", message="another release.", fault="machine", retryable=True)
    async with served(tmp_path) as (api, worker):
        job_id = (await api.queued())["id"]
        first = await taken(worker)
        await done(worker, first, error=skew.model_dump_json())
        second = await taken(worker)
        await done(worker, second, status="IN_PROGRESS", output={"progress": {"stage": "render", "fraction": 0.5}})
        await until(lambda: api.jobs.get(job_id).progress is not None)
        await done(worker, second, output=result_of(second))
        job = await api.ended(job_id)
    assert (job.status, job.submissions) == ("COMPLETED", 2)
    assert first["id"] != second["id"]
    assert first["input"]["apigpu"]["job_id"] == second["input"]["apigpu"]["job_id"] == job_id


async def test_a_cancel_reaches_the_plane(tmp_path: Path) -> None:
    async with served(tmp_path) as (api, worker):
        job_id = (await api.queued())["id"]
        job = await taken(worker)
        answer = await api.client.delete(f"/jobs/{job_id}")
        status = (await worker.get(f"/status/{job['id']}")).json()["status"]
    assert (answer.status_code, answer.json()["status"], status) == (200, "CANCELLED", "CANCELLED")


async def test_a_plane_that_lost_its_jobs_gets_them_again(tmp_path: Path) -> None:
    async with served(tmp_path / "one", database=tmp_path / "db") as (api, _):
        job_id = (await api.queued())["id"]
        await until(lambda: bool(api.jobs.get(job_id).endpoint_job_id))
    async with served(tmp_path / "two", database=tmp_path / "db") as (api, worker):
        job = await taken(worker)
        await done(worker, job, output=result_of(job))
        assert (await api.ended(job_id)).status == "COMPLETED"


@asynccontextmanager
async def served(folder: Path, *, database: Path | None = None) -> AsyncIterator[tuple[Proxy, httpx2.AsyncClient]]:
    """A proxy before a plane, and a client that speaks the workers' protocol to it."""
    folder.mkdir(exist_ok=True)
    wakes: list[Any] = []
    plane = Plane(folder / "plane.sqlite3", on_change=lambda job_id: [wake(job_id) for wake in wakes])
    app = as_caller(plane_app(plane), INTERNAL)
    async with plane.running(), http_over(app) as http, http_over(app) as worker:
        worker.base_url = httpx2.URL("http://plane")
        backend = RunPodEndpoint.at_plane(http)
        async with proxy(database or folder / "db", backend=backend, announced=True) as api:
            wakes.append(api.jobs.wake)
            yield api, worker


async def taken(worker: httpx2.AsyncClient) -> dict[str, Any]:
    for _ in range(50):
        answer = await worker.get("/job-take/w1")
        if answer.status_code == 200:
            return dict(answer.json())
    raise AssertionError("no job came")


async def done(worker: httpx2.AsyncClient, job: dict[str, Any], **report: Any) -> None:
    answer = await worker.post(f"/job-done/w1/{job['id']}", json=report)
    assert answer.status_code == 200, answer.text


def result_of(job: dict[str, Any]) -> dict[str, Any]:
    output = OutputFile(
        url="https://cdn.example.com/made.mp4", content_type="video/mp4", size_bytes=1, sha256="0", duration_s=1
    )
    control, operation = job["input"]["apigpu"], job["input"]["operation"]
    return Result(job_id=control["job_id"], operation=operation, outputs=[output]).model_dump(mode="json")
