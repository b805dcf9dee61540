"""Connections and processes that break at the wrong moment."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import Served, eventually, served_plane, server_process

pytestmark = pytest.mark.anyio


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_plane(tmp_path, Behaviour(take_hold_s=5, stop_hold_s=5, silence_s=0.2)) as served:
        yield served


async def test_a_worker_that_hung_up_while_it_waited_gets_nothing(plane: Served) -> None:
    async with httpx2.AsyncClient(base_url=plane.url) as http:
        with pytest.raises(httpx2.TimeoutException):
            await http.get("/job-take/w1", timeout=0.2)
    await eventually(lambda: plane.plane.workers.waiting() == 0)
    job_id = await plane.run()
    assert await plane.status(job_id) == {"id": job_id, "status": "IN_QUEUE"}
    job = await plane.take("w2")
    assert job is not None
    assert "retries" not in await plane.status(job_id)


async def test_a_job_taken_in_the_moment_of_hanging_up_goes_to_the_next(plane: Served) -> None:
    gone = asyncio.get_running_loop().create_future()
    job_id = await plane.run()

    def hang_up(_: str) -> None:
        if not gone.done():
            gone.set_result(None)

    plane.listeners.append(hang_up)  # it is told that the job is running: nothing has been sent yet
    assert await plane.plane.workers.take("w1", gone=gone) == []
    job = await plane.take("w2")
    assert job is not None
    assert job["id"] == job_id
    assert "retries" not in await plane.status(job_id)


async def test_a_call_to_a_worker_that_left_is_passed_on(plane: Served) -> None:
    first_gone = asyncio.get_running_loop().create_future()
    first = asyncio.create_task(plane.plane.workers.take("w1", gone=first_gone))
    await eventually(lambda: plane.plane.workers.waiting() == 1)
    second = asyncio.create_task(plane.take("w2"))
    await eventually(lambda: plane.plane.workers.waiting() == 2)
    submitted = asyncio.create_task(plane.run())
    first_gone.set_result(None)
    assert await first == []
    job = await second
    assert job is not None
    assert job["id"] == await submitted


async def test_a_stop_signal_is_repeated_while_the_worker_pings_with_the_job(plane: Served) -> None:
    job_id = await plane.run()
    await plane.take()
    await plane.http.post(f"/cancel/{job_id}")
    assert await plane.plane.workers.stops("w1") == [job_id]  # and say that this answer never arrived
    await plane.ping(job_id)
    assert await plane.plane.workers.stops("w1") == [job_id]


async def test_a_thousand_waiting_requests_are_answered_at_once_by_one_result(plane: Served) -> None:
    job_id = await plane.run()
    await plane.take()
    waiting = [asyncio.create_task(plane.plane.finished(job_id, 30)) for _ in range(1000)]
    await asyncio.sleep(0)
    await plane.done(job_id)
    async with asyncio.timeout(5):
        assert {job.state for job in await asyncio.gather(*waiting) if job} == {"COMPLETED"}


async def test_after_a_restart_everything_accepted_is_there_and_running_jobs_stay_with_their_workers(
    tmp_path: Path,
) -> None:
    async with served_plane(tmp_path, Behaviour(lease_s=1)) as plane:
        running, waiting = await plane.run(), await plane.run()
        await plane.take()
    await asyncio.sleep(1.1)  # longer than the lease: nobody was there to take the pings
    async with served_plane(tmp_path, Behaviour(lease_s=1)) as plane:
        assert (await plane.status(running))["status"] == "IN_PROGRESS"
        assert (await plane.status(waiting))["status"] == "IN_QUEUE"
        await plane.done(running)
        assert (await plane.status(running))["status"] == "COMPLETED"


async def test_nothing_accepted_or_finished_is_lost_by_sigkill_in_the_middle_of_writes(tmp_path: Path) -> None:
    accepted: set[str] = set()
    finished: set[str] = set()
    for _ in range(2):
        async with server_process(tmp_path) as (http, process):
            clients = [asyncio.create_task(keep_submitting(http, accepted)) for _ in range(8)]
            clients += [asyncio.create_task(keep_working(http, f"w{n}", finished)) for n in range(2)]
            goal = len(accepted) + 60
            await eventually(lambda goal=goal: len(accepted) >= goal and finished)
            process.send_signal(signal.SIGKILL)
            await asyncio.gather(*clients)
    async with server_process(tmp_path) as (http, _):
        for job_id in accepted:
            status = (await http.get(f"/status/{job_id}")).json()
            expected = {"COMPLETED"} if job_id in finished else {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}
            assert status["status"] in expected, status


async def keep_submitting(http: httpx2.AsyncClient, accepted: set[str]) -> None:
    """Until the server is gone."""
    while True:
        try:
            answer = await http.post("/run", json={"input": {"text": "x" * 1000}})
        except httpx2.HTTPError:
            return
        accepted.add(answer.json()["id"])


async def keep_working(http: httpx2.AsyncClient, worker_id: str, finished: set[str]) -> None:
    while True:
        try:
            answer = await http.get(f"/job-take/{worker_id}")
            job_id = answer.json()["id"] if answer.status_code == 200 else ""
            if job_id and (await http.post(f"/job-done/{worker_id}/{job_id}", json={"output": 1})).status_code == 200:
                finished.add(job_id)
        except httpx2.HTTPError:
            return


async def test_a_call_that_comes_in_the_moment_of_hanging_up_is_passed_on(plane: Served) -> None:
    gone = asyncio.get_running_loop().create_future()
    first = asyncio.create_task(plane.plane.workers.take("w1", gone=gone))
    await eventually(lambda: plane.plane.workers.waiting() == 1)
    second = asyncio.create_task(plane.plane.workers.take("w2"))
    await eventually(lambda: plane.plane.workers.waiting() == 2)
    plane.listeners.append(
        lambda _: None if gone.done() else gone.set_result(None)
    )  # just before the first is called
    job_id = await plane.run()
    assert await first == []
    async with asyncio.timeout(2):
        assert [job.id for job in await second] == [job_id]
