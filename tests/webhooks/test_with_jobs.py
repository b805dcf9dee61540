"""The proxy's jobs and their webhooks together: the end of each is told, whatever it is."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import pytest

from apigpu.registry import Registry
from apigpu_runtime.database import Database
from apigpu_runtime.envelope import Failure
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.jobs import Jobs
from apigpu_runtime.proxy.jobs.schema import MIGRATIONS as JOBS
from apigpu_runtime.proxy.webhooks import MIGRATIONS as WEBHOOKS
from apigpu_runtime.proxy.webhooks import Webhooks
from apigpu_runtime.proxy.webhooks.documents import WebhookMessage
from proxy_support import CAPTION, QUICK, FakeEndpoint
from webhook_support import SECRET, Receiver, receiver, settings_for, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def house(path: Path, there: Receiver, endpoint: FakeEndpoint, *, later_s: float = 0.0) -> AsyncIterator[Jobs]:
    database = Database(path, [*JOBS, *WEBHOOKS])
    webhooks = Webhooks(database, settings=settings_for(there), secrets=(SECRET,), now=lambda: time() + later_s)

    def finished(connection: sqlite3.Connection, job: JobRecord) -> None:
        webhooks.record(connection, job, jobs.answers.document(job))

    jobs = Jobs(
        database,
        registry=Registry.discover(),
        backend=endpoint,
        storage=None,
        digest="",
        public_url="http://proxy.test",
        on_finished=finished,
        pace=QUICK,
    )
    try:
        async with webhooks.running(), jobs.running():
            yield jobs
    finally:
        database.close()


async def told(there: Receiver) -> WebhookMessage:
    await until(lambda: there.messages)
    return WebhookMessage.model_validate_json(there.messages[0].body)


async def test_a_job_that_is_done_is_told_as_its_own_address_shows_it(tmp_path: Path) -> None:
    endpoint = FakeEndpoint()
    async with receiver() as there, house(tmp_path / "jobs", there, endpoint) as jobs:
        job = (await jobs.submit("caption", {**CAPTION, "webhook_url": there.url})).job
        endpoint.complete(await endpoint.taken(), url="https://cdn.example/caption.mp4")
        message = await told(there)
        assert message.type == "job.completed"
        assert message.data == await jobs.document(jobs.get(job.id))
        assert message.data.video_url == "https://cdn.example/caption.mp4"


async def test_a_job_that_failed_is_told_with_the_reason_and_the_remedy(tmp_path: Path) -> None:
    endpoint = FakeEndpoint()
    async with receiver() as there, house(tmp_path / "jobs", there, endpoint) as jobs:
        await jobs.submit("caption", {**CAPTION, "webhook_url": there.url})
        failure = Failure(code="no_video", message="the file has no picture.", remedy="Send a video.", fault="user")
        endpoint.fail(await endpoint.taken(), failure)
        message = await told(there)
        assert (message.type, message.data.status) == ("job.failed", "FAILED")
        assert message.data.error is not None
        assert (message.data.error.code, message.data.error.remedy) == ("no_video", "Send a video.")


async def test_a_job_that_is_cancelled_is_told_too(tmp_path: Path) -> None:
    endpoint = FakeEndpoint()
    async with receiver() as there, house(tmp_path / "jobs", there, endpoint) as jobs:
        job = (await jobs.submit("caption", {**CAPTION, "webhook_url": there.url})).job
        await endpoint.taken()
        await jobs.cancel(job.id)
        assert (await told(there)).type == "job.cancelled"


async def test_the_end_of_a_job_and_its_message_survive_together(tmp_path: Path) -> None:
    endpoint = FakeEndpoint()
    async with receiver(500, 200) as there:
        async with house(tmp_path / "jobs", there, endpoint) as jobs:
            job = (await jobs.submit("caption", {**CAPTION, "webhook_url": there.url})).job
            endpoint.complete(await endpoint.taken())
            await told(there)
        async with house(tmp_path / "jobs", there, endpoint, later_s=6) as jobs:
            assert jobs.get(job.id).status == "COMPLETED"
            await until(lambda: len(there.messages) == 2)
        assert there.messages[0].body == there.messages[1].body
