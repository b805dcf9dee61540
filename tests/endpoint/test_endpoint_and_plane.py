"""The client and the local plane, which speak RunPod's API to each other: over HTTP, and within one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from apigpu_runtime.backend import COMPLETED, FAILED, IN_PROGRESS, IN_QUEUE, BackendError, JobUnknown
from apigpu_runtime.callers import INTERNAL, as_caller
from apigpu_runtime.endpoint.client import RunPodEndpoint, http_over
from apigpu_runtime.plane.app import plane_app
from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import CLIENT_KEY, Served, served_plane

pytestmark = pytest.mark.anyio
WAYS = ("over HTTP", "in the process")


@asynccontextmanager
async def endpoint_of(
    way: str, folder: Path, behaviour: Behaviour | None = None
) -> AsyncIterator[tuple[RunPodEndpoint, Served]]:
    async with served_plane(folder, behaviour) as served:
        over_http = way == "over HTTP"
        app = as_caller(plane_app(served.plane), INTERNAL)
        async with httpx2.AsyncClient() if over_http else http_over(app) as http:
            plane = RunPodEndpoint.at_plane(http, url=served.url, api_key=CLIENT_KEY) if over_http else None
            yield plane or RunPodEndpoint.at_plane(http), served


@pytest.mark.parametrize("way", WAYS)
async def test_a_job_is_followed_from_the_queue_to_its_output(way: str, tmp_path: Path) -> None:
    async with endpoint_of(way, tmp_path) as (endpoint, served):
        job_id = await endpoint.run({"operation": "echo"}, job_id="mine", policy={"executionTimeout": 60_000})
        assert (await endpoint.status(job_id)).status == IN_QUEUE
        assert (await endpoint.health()).jobs["inQueue"] == 1

        taken = await served.take()
        assert taken is not None
        assert taken["input"] == {"operation": "echo"}
        assert (await endpoint.status(job_id)).status == IN_PROGRESS

        await served.done(job_id, output={"seconds": 3})
        done = await endpoint.status(job_id)
    assert (done.status, done.output, done.worker_id) == (COMPLETED, {"seconds": 3}, "w1")
    assert done.delay_time_ms is not None
    assert done.execution_time_ms is not None


@pytest.mark.parametrize("way", WAYS)
async def test_the_error_of_a_failed_job_arrives_as_it_was_written(way: str, tmp_path: Path) -> None:
    async with endpoint_of(way, tmp_path) as (endpoint, served):
        job_id = await endpoint.run({}, job_id="mine")
        await served.take()
        await served.done(job_id, error='{"code": "bad_media"}')
        failed = await endpoint.status(job_id)
    assert (failed.status, failed.error) == (FAILED, '{"code": "bad_media"}')


@pytest.mark.parametrize("way", WAYS)
async def test_the_same_job_sent_twice_is_one_job(way: str, tmp_path: Path) -> None:
    async with endpoint_of(way, tmp_path) as (endpoint, _):
        first = await endpoint.run({"operation": "echo"}, job_id="mine")
        assert await endpoint.run({"operation": "echo"}, job_id="mine") == first
        assert (await endpoint.health()).jobs["inQueue"] == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_job_that_nobody_knows_is_unknown(way: str, tmp_path: Path) -> None:
    async with endpoint_of(way, tmp_path) as (endpoint, _):
        with pytest.raises(JobUnknown, match="does not know the job nobodys"):
            await endpoint.status("nobodys")
        with pytest.raises(JobUnknown):
            await endpoint.cancel("../health")


@pytest.mark.parametrize("answer", [200, 400, 409])
async def test_cancelling_a_job_that_has_ended_is_no_error_however_the_endpoint_answers(
    answer: int, tmp_path: Path
) -> None:
    async with endpoint_of("over HTTP", tmp_path, Behaviour(cancel_finished_status=answer)) as (endpoint, _):
        job_id = await endpoint.run({}, job_id="mine")
        await endpoint.cancel(job_id)
        await endpoint.cancel(job_id)
        assert (await endpoint.status(job_id)).status == "CANCELLED"


async def test_the_two_words_for_a_running_job_are_one(tmp_path: Path) -> None:
    async with endpoint_of("over HTTP", tmp_path, Behaviour(running_word="RUNNING")) as (endpoint, served):
        job_id = await endpoint.run({}, job_id="mine")
        await served.take()
        assert (await endpoint.status(job_id)).status == IN_PROGRESS


async def test_a_wrong_key_is_told_as_such(tmp_path: Path) -> None:
    async with served_plane(tmp_path) as served, httpx2.AsyncClient() as http:
        endpoint = RunPodEndpoint.at_plane(http, url=served.url, api_key="wrong")
        with pytest.raises(BackendError, match="refuses the key") as caught:
            await endpoint.run({}, job_id="mine")
    assert caught.value.code == "runpod_key_refused"
    assert caught.value.retryable, "jobs wait until the key is mended"


async def test_a_waiting_job_is_told_that_a_worker_is_at_work(tmp_path: Path) -> None:
    async with endpoint_of("in the process", tmp_path) as (endpoint, served):
        await endpoint.run({}, job_id="one")
        await served.take()
        await endpoint.run({}, job_id="two")
        found = await endpoint.diagnose(waiting_s=3)
    assert found is not None
    assert (found.code, found.message) == ("queue", "1 worker is at work and 1 job waits.")
