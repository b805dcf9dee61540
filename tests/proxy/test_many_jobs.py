"""Ten thousand jobs and one endpoint: how often it is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

import pytest

from apigpu_runtime.database import Database
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs import job_store
from apigpu_runtime.proxy.jobs.job_ids import new_job_id
from apigpu_runtime.proxy.jobs.pace import DEFAULT_PACE, Pace
from apigpu_runtime.proxy.jobs.schema import MIGRATIONS
from proxy_support import CAPTION, FakeEndpoint, Taken, proxy, until

pytestmark = pytest.mark.anyio

MANY = 10_000


async def test_ten_thousand_queued_jobs_cost_few_looks_and_the_front_is_seen_first(tmp_path: Path) -> None:
    endpoint = FakeEndpoint()
    ids = _queued_at(endpoint, tmp_path / "db")
    pace = Pace(looks_per_s=40)
    async with proxy(tmp_path / "db", endpoint, pace=pace) as api:
        await until(lambda: endpoint.looks >= 50, timeout_s=30)
        begin_s, before = monotonic(), endpoint.looks
        endpoint.complete(endpoint.jobs["e0"])
        assert (await api.jobs.wait(ids[0], timeout_s=20)).is_final
        endpoint.complete(endpoint.jobs[f"e{MANY - 1}"])
        assert (await api.jobs.wait(ids[-1], timeout_s=20)).is_final, "somebody waits for it"
        rate = (endpoint.looks - before) / max(monotonic() - begin_s, 1)
        answer = await asyncio.wait_for(api.client.get("/jobs?limit=5"), 5)
    assert rate <= 2 * pace.looks_per_s
    assert len(answer.json()["items"]) == 5


def test_the_longer_a_job_takes_the_less_it_is_looked_at() -> None:
    def intervals(*, waited_for: bool = False, near: bool = False, announced: bool = False) -> list[float]:
        return [
            DEFAULT_PACE.look_interval_s(age_s=age_s, waited_for=waited_for, near=near, announced=announced)
            for age_s in (0, 10, 1000)
        ]

    assert intervals(waited_for=True) == [0.5, 1.0, 3.0]
    assert intervals(near=True) == [1.0, 2.0, 15.0]
    assert intervals() == [300.0] * 3
    assert intervals(announced=True, near=True) == [60.0] * 3


def _queued_at(endpoint: FakeEndpoint, path: Path) -> list[str]:
    """So many jobs that the endpoint has already, from an earlier run of the proxy; their ids."""
    database = Database(path, MIGRATIONS)
    jobs = [_job(number) for number in range(MANY)]
    for number, job in enumerate(jobs):
        document = {"operation": "caption", "apigpu": {"job_id": job.id, "delivery": None}}
        endpoint.jobs[f"e{number}"] = Taken(f"e{number}", document, job.id)

    def insert(connection: object) -> None:
        for number, job in enumerate(jobs):
            job_store.insert(connection, job)  # type: ignore[arg-type]
            job_store.mark_taken(connection, job.id, f"e{number}", job.created_s)  # type: ignore[arg-type]

    database.write_now(insert)
    database.close()
    return [job.id for job in jobs]


def _job(number: int) -> JobRecord:
    created_s = 1_700_000_000.0 + number
    return JobRecord(
        id=new_job_id(created_s),
        operation="caption",
        fields=CAPTION,
        options=Options(),
        created_s=created_s,
        status="IN_QUEUE",
    )
