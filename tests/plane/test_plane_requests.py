"""What clients may ask, and what they are told when they may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from apigpu_runtime.plane.behaviour import Behaviour, RateLimit
from plane_support import CLIENT_KEY, WORKER_KEY, Served, served_plane

pytestmark = pytest.mark.anyio
LIMITS = {"run": RateLimit(3), "status": RateLimit(100, 1), "purge-queue": RateLimit(1)}


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Served]:
    behaviour = Behaviour(
        take_hold_s=0.2,
        stop_hold_s=0.2,
        stream_hold_s=0.2,
        max_run_bytes=1000,
        max_runsync_bytes=2000,
        rate_limits=LIMITS,
    )
    async with served_plane(tmp_path, behaviour) as served:
        yield served


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"input": NaN}', "not a JSON object"),
        (b'{"input": {"a": "\xff"}}', "not a JSON object"),
        (b'{"input": {"a": ' + b"[" * 400, "not a JSON object"),
        (b"{}", 'needs an "input"'),
        (b'{"input": 5}', 'needs an "input"'),
        (b'{"input": {}, "webhook": "ftp://example.com"}', '"webhook" must be'),
        (b'{"input": {}, "policy": 5}', '"policy" must be'),
        (b'{"input": {}, "policy": {"ttl": 9999}}', '"policy.ttl" must be from 10000'),
        (b'{"input": {}, "policy": {"ttl": true}}', '"policy.ttl" must be from 10000'),
        (b'{"input": {}, "policy": {"executionTimeout": 4999}}', '"policy.executionTimeout" must be from 5000'),
        (b'{"input": {}, "policy": {"executionTimeout": 604800001}}', "to 604800000 milliseconds"),
    ],
)
async def test_a_request_that_makes_no_sense_is_told_why(plane: Served, body: bytes, told: str) -> None:
    answer = await plane.http.post("/run", content=body)
    assert answer.status_code == 400
    assert told in answer.json()["error"]


async def test_a_request_over_the_limit_is_refused_and_runsync_takes_more(plane: Served) -> None:
    document = {"input": {"text": "x" * 1500}}
    assert (await plane.http.post("/run", json=document)).status_code == 413
    assert (await plane.http.post("/runsync", json=document, params={"wait": 1000})).status_code == 200
    document["input"]["text"] = "x" * 2500
    assert (await plane.http.post("/runsync", json=document)).status_code == 413
    assert (await plane.http.post("/runsync", json={"input": {}}, params={"wait": 999})).status_code == 400


async def test_a_job_that_nobody_knows_is_404_everywhere(plane: Served) -> None:
    answers = [
        await plane.http.get("/status/none"),
        await plane.http.get("/status-sync/none"),
        await plane.http.get("/stream/none"),
        await plane.http.post("/cancel/none"),
        await plane.http.post("/retry/none"),
        await plane.done("none"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6


async def test_each_side_needs_its_own_scope(plane: Served) -> None:
    async def status(method: str, path: str, key: str) -> int:
        return (
            await plane.http.request(method, path, headers={"Authorization": key}, json={"input": {}})
        ).status_code

    assert await status("POST", "/run", f"Bearer {CLIENT_KEY}") == 200
    assert await status("POST", "/run", f"Bearer {WORKER_KEY}") == 401
    assert await status("GET", "/health", "Bearer wrong") == 401
    assert await status("GET", "/job-take/w1", WORKER_KEY) == 200
    assert await status("GET", "/job-take/w1", CLIENT_KEY) == 401
    assert await status("GET", "/ping/w1", CLIENT_KEY) == 401


async def test_the_same_idempotency_key_is_the_same_job(plane: Served) -> None:
    async def run(key: str, caller: str = "") -> str:
        headers = {"Idempotency-Key": key} | ({"Authorization": caller} if caller else {})
        return str((await plane.http.post("/run", json={"input": {}}, headers=headers)).json()["id"])

    first = await run("k")
    assert await run("k") == first
    assert await run("other") != first
    assert await run("k", CLIENT_KEY) != first
    both = await asyncio.gather(run("at once"), run("at once"))
    assert len(set(both)) == 1


async def test_a_job_of_low_priority_waits_for_the_others(plane: Served) -> None:
    low = await plane.run(policy={"lowPriority": True})
    first, second = await plane.run(), await plane.run()
    assert [job["id"] for job in await batch(plane, 9)] == [first, second, low]


async def test_a_batch_is_what_is_there_up_to_its_size(plane: Served) -> None:
    jobs = [await plane.run({"n": n}, s3Config={"bucketName": "b"}) for n in range(3)]
    taken = await batch(plane, 2)
    assert [job["id"] for job in taken] == jobs[:2]
    assert taken[0] == {"id": jobs[0], "input": {"n": 0}, "s3Config": {"bucketName": "b"}}
    assert [job["id"] for job in await batch(plane, 2)] == jobs[2:]
    assert (await plane.http.get("/job-take-batch/w1", params={"batch_size": "many"})).status_code == 422


async def batch(plane: Served, size: int) -> Any:
    return (await plane.http.get("/job-take-batch/w1", params={"batch_size": size})).json()


async def test_only_a_failed_job_is_retried_under_its_id_and_without_its_output(plane: Served) -> None:
    job_id = await plane.run()
    assert (await plane.http.post(f"/retry/{job_id}")).status_code == 400
    await plane.take()
    await plane.done(job_id, error="bad luck", output={"half": True})
    assert (await plane.http.post(f"/retry/{job_id}")).json() == {"id": job_id, "status": "IN_QUEUE"}
    assert await plane.status(job_id) == {"id": job_id, "status": "IN_QUEUE", "workerId": "w1"}
    await plane.take()
    await plane.done(job_id, output="better")
    assert (await plane.status(job_id))["output"] == "better"


async def test_purging_takes_out_what_waits_and_leaves_what_runs(plane: Served) -> None:
    running, waiting = await plane.run(), await plane.run()
    await plane.take()
    assert (await plane.http.post("/purge-queue")).json() == {"removed": 1, "status": "completed"}
    assert [(await plane.status(job_id))["status"] for job_id in (running, waiting)] == ["IN_PROGRESS", "CANCELLED"]


async def test_progress_is_shown_until_the_end_and_never_after(plane: Served) -> None:
    job_id = await plane.run()
    await plane.take()
    await plane.done(job_id, status="IN_PROGRESS", output={"step": 1})
    assert (await plane.status(job_id))["output"] == {"step": 1}
    await plane.done(job_id, "w2", status="IN_PROGRESS", output="of another")
    assert (await plane.status(job_id))["output"] == {"step": 1}
    await plane.done(job_id, output="all")
    await plane.done(job_id, status="IN_PROGRESS", output={"step": 2})
    await plane.done(job_id, error="after all")
    status = await plane.status(job_id)
    assert (status["status"], status["output"], "error" in status) == ("COMPLETED", "all", False)


@pytest.mark.parametrize("body", [b"", b"no json", b'{"output": NaN}', b"[]"])
async def test_a_result_that_is_no_json_fails_its_job(plane: Served, body: bytes) -> None:
    job_id = await plane.run()
    await plane.take()
    assert (await plane.http.post(f"/job-done/w1/{job_id}", content=body)).status_code == 400
    status = await plane.status(job_id)
    assert (status["status"], status["error"]) == ("FAILED", "the result is not a JSON object")


async def test_a_key_has_so_many_requests_in_ten_seconds_and_apigpu_itself_any_number(plane: Served) -> None:
    headers = {"Authorization": f"Bearer {CLIENT_KEY}"}
    answers = [await plane.http.post("/run", json={"input": {}}, headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 10
    for _ in range(5):
        await plane.run()


async def test_a_key_has_so_many_requests_at_once(plane: Served) -> None:
    headers = {"Authorization": f"Bearer {CLIENT_KEY}"}
    job_id = await plane.run()
    waiting = asyncio.create_task(plane.http.get(f"/status-sync/{job_id}", headers=headers))
    async with httpx2.AsyncClient(base_url=plane.url, headers=headers) as http:
        while (await http.get(f"/status/{job_id}")).status_code != 429:
            await asyncio.sleep(0.01)
    await plane.http.post(f"/cancel/{job_id}")
    assert (await waiting).json()["status"] == "CANCELLED"


async def test_an_endpoint_may_refuse_to_take_jobs(tmp_path: Path) -> None:
    async with served_plane(tmp_path, Behaviour(run_refused_status=400)) as plane:
        assert (await plane.http.post("/run", json={"input": {}})).status_code == 400
