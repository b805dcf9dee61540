"""The stock SDK's worker against the plane: nothing of it is changed but where it finds the queue."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import SDK_WORKER, Served, eventually, joined_worker, served_plane, workers_on_demand

pytestmark = pytest.mark.anyio


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_plane(tmp_path, Behaviour(rate_limits={}, max_result_bytes=100_000)) as served:
        yield served


async def test_results_errors_exceptions_and_progress_of_jobs_that_overlap(plane: Served) -> None:
    async with workers_on_demand(plane, SDK_WORKER, environ={"TEST_CONCURRENCY": "4"}):
        echoed = await plane.run({"text": "olá"})
        failed = await plane.run({"error": "no subtitle fits"})
        raised = await plane.run({"raise": "broken"})
        reporting = await plane.run({"progress": 2, "sleep_s": 0.5})
        beside = await plane.run({"sleep_s": 1})
        oversize = await plane.run({"bytes": 200_000})

        done = await plane.until(echoed, "COMPLETED")
        assert done["output"]["echo"] == {"text": "olá"}
        error = await plane.until(failed, "FAILED")
        assert (error["error"], error["output"]) == ("no subtitle fits", {"tried": True})
        exception = await plane.until(raised, "FAILED")
        assert '"error_message": "broken"' in exception["error"]

        async def step_shown() -> bool:
            status = await plane.status(reporting)
            return status["status"] == "IN_PROGRESS" and "step" in status.get("output", {})

        await eventually(step_shown)
        await plane.until(reporting, "COMPLETED")
        assert "longer than 100000 bytes" in (await plane.until(oversize, "FAILED"))["error"]
        answer = await plane.http.post("/runsync", json={"input": {"now": True}}, params={"wait": 20_000})
        assert answer.json()["output"]["echo"] == {"now": True}
        assert (await plane.until(beside, "COMPLETED"))["output"]["together"] > 1
    assert not [line for line in plane.said if "Failed to return" in line and oversize not in line]


async def test_a_cancelled_job_ends_and_the_next_one_starts_soon(plane: Served) -> None:
    async with workers_on_demand(plane, SDK_WORKER):
        endless = await plane.run({"sleep_s": 60})
        await plane.until(endless, "IN_PROGRESS")
        after = await plane.run({})
        await plane.http.post(f"/cancel/{endless}")
        assert (await plane.until(after, "COMPLETED"))["executionTime"] < 5000
        assert (await plane.status(endless))["status"] == "CANCELLED"


async def test_a_job_whose_worker_is_killed_is_done_by_the_next_worker(plane: Served, tmp_path: Path) -> None:
    async with workers_on_demand(plane, SDK_WORKER):
        job_id = await plane.run({"die": str(tmp_path / "died")})
        done = await plane.until(job_id, "COMPLETED")
        assert done["retries"] == 1
    assert any("SIGKILL" in line for line in plane.said)


async def test_an_orphaned_ping_does_not_keep_the_job_of_a_killed_worker(tmp_path: Path) -> None:
    """The SDK's ping process outlives its worker and goes on naming the dead job: seen with 1.12."""
    behaviour = Behaviour(rate_limits={}, lease_s=60, silence_s=0.3)
    async with served_plane(tmp_path, behaviour) as plane, joined_worker(plane, "far-away") as process:
        job_id = await plane.run({"sleep_s": 60})
        await plane.until(job_id, "IN_PROGRESS")
        await eventually(lambda: plane.plane.workers.presence.worker("far-away").polls)
        os.kill(process.pid, signal.SIGKILL)
        status = await plane.until(job_id, "IN_QUEUE")
        assert status["retries"] == 1
