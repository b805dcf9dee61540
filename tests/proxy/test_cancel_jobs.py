"""DELETE /jobs/{id}."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from apigpu_runtime.backend import BackendError
from proxy_support import FakeEndpoint, proxy, until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("announced", [False, True])
async def test_a_job_at_the_endpoint_is_cancelled_there(tmp_path: Path, announced: bool) -> None:
    async with proxy(tmp_path / "db", announced=announced) as api:
        job_id = (await api.queued())["id"]
        taken = await api.endpoint.taken()
        api.endpoint.set(taken, status="IN_PROGRESS")
        await until(lambda: api.jobs.get(job_id).status == "IN_PROGRESS")
        answer = await api.client.delete(f"/jobs/{job_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert taken.status == "CANCELLED"
    assert answer.json()["message"] == "The job was cancelled."


async def test_a_job_that_the_endpoint_never_took_is_never_handed_in(tmp_path: Path) -> None:
    busy = BackendError("busy", retryable=True, retry_after_s=0.2)
    async with proxy(tmp_path / "db", FakeEndpoint(refusals=[busy])) as api:
        job_id = (await api.queued())["id"]
        await until(lambda: not api.endpoint.refusals)
        await until(lambda: not api.jobs._outbox.is_handing_in(job_id))
        answer = await api.client.delete(f"/jobs/{job_id}")
        other = await api.queued()
        await api.endpoint.taken()
    assert answer.json()["status"] == "CANCELLED"
    assert [taken.job_id for taken in api.endpoint.jobs.values()] == [other["id"]]


async def test_cancelling_twice_is_cancelling_once(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        await api.endpoint.taken()
        answers = await asyncio.gather(*(api.client.delete(f"/jobs/{job_id}") for _ in range(5)))
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "CANCELLED")}
    assert len(api.finished) == 1


async def test_a_finished_job_stays_as_it_is(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True)) as api:
        job_id = (await api.post()).json()["id"]
        answer = await api.client.delete(f"/jobs/{job_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    assert api.endpoint.cancels == 0


async def test_an_endpoint_that_forgot_the_job_has_cancelled_it(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", announced=True) as api:
        job_id = (await api.queued())["id"]
        await api.endpoint.taken()
        api.endpoint.jobs.clear()
        answer = await api.client.delete(f"/jobs/{job_id}")
    assert answer.json()["status"] == "CANCELLED"
    assert api.endpoint.runs == 1


async def test_a_wish_to_cancel_outlives_the_proxy(tmp_path: Path) -> None:
    endpoint = FakeEndpoint(down=BackendError("no answer", retryable=True))
    async with proxy(tmp_path / "db", endpoint) as api:
        job_id = (await api.queued())["id"]
        await endpoint.taken()
        await api.jobs.cancel(job_id)
        assert not api.jobs.get(job_id).is_final
    endpoint.down = None
    async with proxy(tmp_path / "db", endpoint) as api:
        assert (await api.ended(job_id)).status == "CANCELLED"


async def test_who_waits_for_a_job_hears_of_its_cancel(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", wait_s=30) as api:
        sent = asyncio.create_task(api.post())
        job_id = (await api.endpoint.taken()).job_id
        await api.client.delete(f"/jobs/{job_id}")
        answer = await sent
    assert (answer.status_code, answer.json()["code"]) == (409, "cancelled")


async def test_a_job_that_never_was_cannot_be_cancelled(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.client.delete("/jobs/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")
