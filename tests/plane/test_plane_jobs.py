"""The life of a job over HTTP, with workers that are a few requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import Served, eventually, served_plane

pytestmark = pytest.mark.anyio


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_plane(tmp_path, Behaviour(take_hold_s=0.3, stop_hold_s=0.3, rate_limits={})) as served:
        yield served


async def test_a_job_waits_runs_and_completes_with_its_times(plane: Served) -> None:
    job_id = await plane.run({"text": "hello"})
    assert await plane.status(job_id) == {"id": job_id, "status": "IN_QUEUE"}

    job = await plane.take(gpu="none", job_in_progress=0)
    assert job == {"id": job_id, "input": {"text": "hello"}}
    running = await plane.status(job_id)
    assert running["status"] == "IN_PROGRESS"
    assert running["workerId"] == "w1"

    assert (await plane.done(job_id, output={"text": "HELLO"})).status_code == 200
    done = await plane.status(job_id)
    assert done["delayTime"] >= 0
    assert done["executionTime"] >= 0
    assert (done["status"], done["output"]) == ("COMPLETED", {"text": "HELLO"})


async def test_a_waiting_worker_gets_a_new_job_at_once(plane: Served) -> None:
    taking = asyncio.create_task(plane.take())
    await eventually(lambda: plane.plane.workers.waiting() == 1)
    job_id = await plane.run()
    job = await taking
    assert job is not None
    assert job["id"] == job_id


async def test_an_error_fails_the_job_and_keeps_what_else_was_returned(plane: Served) -> None:
    job_id = await plane.run()
    await plane.take()
    await plane.done(job_id, error="no such font", output={"tried": 3})
    status = await plane.status(job_id)
    assert (status["status"], status["error"], status["output"]) == ("FAILED", "no such font", {"tried": 3})


async def test_a_waiting_job_is_cancelled_and_never_given_out(plane: Served) -> None:
    job_id = await plane.run()
    assert (await plane.http.post(f"/cancel/{job_id}")).json() == {"id": job_id, "status": "CANCELLED"}
    assert await plane.take() is None


async def test_a_cancelled_running_job_is_stopped_and_its_result_changes_nothing(plane: Served) -> None:
    job_id = await plane.run()
    await plane.take()
    stopping = asyncio.create_task(plane.http.get("/job-stop/w1"))
    await plane.http.post(f"/cancel/{job_id}")
    assert (await stopping).json() == {"jobsToStop": [job_id]}

    assert (await plane.done(job_id, output="too late")).status_code == 200
    status = await plane.status(job_id)
    assert (status["status"], "output" in status) == ("CANCELLED", False)


async def test_health_counts_jobs_and_workers(plane: Served) -> None:
    await plane.run()
    await plane.run()
    await plane.take("w1")
    health = (await plane.http.get("/health")).json()
    assert health["jobs"] == {"completed": 0, "failed": 0, "inProgress": 1, "inQueue": 1, "retried": 0}
    assert health["workers"] == {
        "idle": 0,
        "initializing": 0,
        "ready": 0,
        "running": 1,
        "throttled": 0,
        "unhealthy": 0,
    }
