"""What time does to jobs, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import Served, eventually, served_plane

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def plane(tmp_path: Path, clock: Clock) -> AsyncIterator[Served]:
    behaviour = Behaviour(take_hold_s=0.2, stop_hold_s=0.2, rate_limits={})
    async with served_plane(tmp_path, behaviour, clock=clock) as served:
        yield served


async def pass_s(plane: Served, clock: Clock, seconds: float) -> None:
    clock.now_s += seconds
    await plane.plane.sweep()


async def is_unknown(plane: Served, job_id: str) -> bool:
    return (await plane.http.get(f"/status/{job_id}")).status_code == 404


async def test_a_result_of_run_is_kept_for_half_an_hour(plane: Served, clock: Clock) -> None:
    job_id = await plane.run()
    await plane.take()
    await plane.done(job_id)
    clock.now_s += 30 * 60 - 1
    assert (await plane.status(job_id))["status"] == "COMPLETED"
    clock.now_s += 1
    assert await is_unknown(plane, job_id)


async def test_a_result_of_runsync_is_kept_for_a_minute(plane: Served, clock: Clock) -> None:
    asking = asyncio.create_task(plane.http.post("/runsync", json={"input": {}}))
    job = await eventually(plane.take)
    await plane.done(job["id"])
    assert (await asking).json()["status"] == "COMPLETED"
    await pass_s(plane, clock, 59)
    assert not await is_unknown(plane, job["id"])
    await pass_s(plane, clock, 1)
    assert await is_unknown(plane, job["id"])


async def test_runsync_outlived_by_its_job_tells_where_it_is(plane: Served) -> None:
    answer = (await plane.http.post("/runsync", json={"input": {}}, params={"wait": 1000})).json()
    assert answer == {"id": answer["id"], "status": "IN_QUEUE"}
    assert answer["id"].startswith("sync-")


async def test_a_ttl_counts_from_submission_and_ends_a_running_job(plane: Served, clock: Clock) -> None:
    job_id = await plane.run(policy={"ttl": 20_000})
    await pass_s(plane, clock, 15)
    await plane.take()
    await plane.ping(job_id)
    await pass_s(plane, clock, 5)
    assert await is_unknown(plane, job_id)
    assert (await plane.http.get("/job-stop/w1")).json() == {"jobsToStop": [job_id]}
    assert (await plane.done(job_id)).status_code == 404


async def test_an_execution_timeout_counts_from_the_start(plane: Served, clock: Clock) -> None:
    job_id = await plane.run(policy={"executionTimeout": 5000})
    await pass_s(plane, clock, 60)
    await plane.take()
    await pass_s(plane, clock, 4)
    assert (await plane.status(job_id))["status"] == "IN_PROGRESS"
    await pass_s(plane, clock, 1)
    status = await plane.status(job_id)
    assert (status["status"], status["executionTime"], status["delayTime"]) == ("TIMED_OUT", 5000, 60_000)
    assert (await plane.http.get("/job-stop/w1")).json() == {"jobsToStop": [job_id]}


async def test_pings_hold_a_job_and_silence_loses_it(plane: Served, clock: Clock) -> None:
    job_id = await plane.run()
    await plane.take()
    for _ in range(5):
        await pass_s(plane, clock, 29)
        await plane.ping(job_id, "another-job")
    assert (await plane.status(job_id))["status"] == "IN_PROGRESS"

    await pass_s(plane, clock, 30)
    lost = await plane.status(job_id)
    assert (lost["status"], lost["retries"]) == ("IN_QUEUE", 1)
    await plane.take("w2")
    assert (await plane.status(job_id))["workerId"] == "w2"


async def test_a_job_that_every_worker_loses_fails_with_the_reason(plane: Served, clock: Clock) -> None:
    job_id = await plane.run()
    for number in range(4):
        job = await plane.take(f"w{number}")
        assert job is not None
        await pass_s(plane, clock, 31)
    status = await plane.status(job_id)
    assert (status["status"], status["retries"]) == ("FAILED", 3)
    assert "lost by its worker 4 times" in status["error"]
    assert "w3 sent no sign of life" in status["error"]


async def test_a_worker_that_lost_its_job_is_told_to_stop_and_may_still_bring_the_result(
    plane: Served, clock: Clock
) -> None:
    job_id = await plane.run()
    await plane.take("w1")
    await pass_s(plane, clock, 31)
    await plane.take("w2")
    await plane.ping(job_id, worker_id="w1")
    assert (await plane.http.get("/job-stop/w1")).json() == {"jobsToStop": [job_id]}

    await plane.done(job_id, "w1", error="cancelled")
    assert (await plane.status(job_id))["status"] == "IN_PROGRESS"
    await plane.done(job_id, "w1", output="all the same")
    assert (await plane.status(job_id))["output"] == "all the same"
    assert (await plane.http.get("/job-stop/w2")).json() == {"jobsToStop": [job_id]}
    await plane.done(job_id, "w2", output="too late")
    assert (await plane.status(job_id))["output"] == "all the same"


async def test_a_worker_that_asks_with_empty_hands_never_got_its_job(plane: Served) -> None:
    job_id = await plane.run()
    await plane.take("w1", job_in_progress=0)
    again = await plane.take("w1", job_in_progress=0)
    assert again is not None
    assert again["id"] == job_id
    assert (await plane.status(job_id))["retries"] == 1


async def test_the_other_answers_that_runpod_might_give(tmp_path: Path, clock: Clock) -> None:
    behaviour = Behaviour(
        expired="TIMED_OUT",
        ttl_deletes_finished=True,
        purged="deleted",
        running_word="RUNNING",
        cancel_finished_status=400,
        rate_limits={},
        take_hold_s=0.2,
    )
    async with served_plane(tmp_path, behaviour, clock=clock) as plane:
        old = await plane.run(policy={"ttl": 20_000})
        await pass_s(plane, clock, 20)
        assert (await plane.http.get(f"/status/{old}")).status_code == 404  # the TTL ends its being kept too
        purged = await plane.run()
        assert (await plane.http.post("/purge-queue")).json() == {"removed": 1, "status": "completed"}
        assert await is_unknown(plane, purged)
        running = await plane.run()
        await plane.take()
        assert (await plane.status(running))["status"] == "RUNNING"
        await plane.done(running)
        assert (await plane.http.post(f"/cancel/{running}")).status_code == 400
