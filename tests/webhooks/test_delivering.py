"""The end of a job reaches its receiver: signed, as written, once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sqlite3
from pathlib import Path
from time import monotonic, time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webhook_support import OLD_SECRET, SECRET, Clock, desk, job_document, job_record, receiver, until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("COMPLETED", "job.completed"),
        ("FAILED", "job.failed"),
        ("CANCELLED", "job.cancelled"),
        ("TIMED_OUT", "job.timed_out"),
    ],
)
async def test_the_end_of_a_job_is_told_once_with_the_jobs_own_document(
    tmp_path: Path, status: str, event: str
) -> None:
    async with receiver() as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url, status=status)
        delivery = await here.ended("j1", "delivered")
        assert (delivery.event, delivery.tries, delivery.http_status, delivery.note) == (event, 1, 200, "")
        body = json.loads(there.messages[0].body)
        assert body["type"] == event
        assert body["data"] == job_document(job_record("j1", None, status=status)).model_dump(mode="json")
        assert len(there.messages) == 1


async def test_the_library_of_standard_webhooks_accepts_the_message_and_no_other(tmp_path: Path) -> None:
    async with receiver() as there, desk(tmp_path / "jobs", there, clock=Clock(time())) as here:
        await here.finish("j1", there.url)
        await here.ended("j1", "delivered")
        message = there.messages[0]
        assert Webhook(SECRET).verify(message.body, message.headers)["data"]["id"] == "j1"
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(message.body.replace(b"j1", b"j2"), message.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(OLD_SECRET).verify(message.body, message.headers)


async def test_while_a_secret_is_changed_both_sign(tmp_path: Path) -> None:
    clock, secrets = Clock(time()), (SECRET, OLD_SECRET)
    async with receiver() as there, desk(tmp_path / "jobs", there, secrets=secrets, clock=clock) as here:
        await here.finish("j1", there.url)
        await here.ended("j1", "delivered")
        message = there.messages[0]
        for secret in secrets:
            Webhook(secret).verify(message.body, message.headers)


async def test_the_headers_of_the_first_apigpu_are_there_too(tmp_path: Path) -> None:
    async with receiver() as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url, status="FAILED")
        await here.ended("j1", "delivered")
        headers = there.messages[0].headers
        signature = hmac.new(SECRET.encode(), there.messages[0].body, hashlib.sha256).hexdigest()
        assert headers["x-webhook-signature"] == f"sha256={signature}"
        assert (headers["x-webhook-jobid"], headers["x-webhook-status"]) == ("j1", "FAILED")


@pytest.mark.parametrize(
    "target",
    [
        "/webhook-waiting/42?signature=aB%2fc%2FD%3d%3D&x=1",
        "/a/../b/./c//d?x=[1]&y={2}|3&z=a+b%20c",
        "/%7Euser/%41%zz/;p=1,2?a=%C3%A9&&=&q=\"<>\\^`'",
        "/?",
        "/x??y=?z#",
        "?only=query",
        "/a%00b%0d%0aX:1",
    ],
)
async def test_path_and_query_stand_on_the_wire_byte_for_byte_as_they_were_written(
    tmp_path: Path, target: str
) -> None:
    async with receiver() as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", f"http://127.0.0.1:{there.port}{target}")
        await here.ended("j1", "delivered")
        written = target.partition("#")[0]
        sent = written if written.startswith("/") else f"/{written}"
        assert there.messages[0].line == b"POST " + sent.encode() + b" HTTP/1.1"
        assert there.messages[0].headers["host"] == f"127.0.0.1:{there.port}"


async def test_a_job_without_a_webhook_url_tells_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path / "jobs") as here:
        await here.finish("j1", None)
        assert here.webhooks.of_job("j1") is None


async def test_a_job_whose_ending_is_undone_tells_nobody(tmp_path: Path) -> None:
    async with receiver() as there, desk(tmp_path / "jobs", there) as here:
        job = job_record("j1", there.url)

        def ending(connection: sqlite3.Connection) -> None:
            here.webhooks.record(connection, job, job_document(job))
            raise OSError("the disk is full")

        with pytest.raises(OSError, match="full"):
            await here.database.write(ending)
        await here.finish("j2", there.url)
        await here.ended("j2", "delivered")
        assert here.webhooks.of_job("j1") is None
        assert len(there.messages) == 1


async def test_a_job_that_ends_twice_is_told_once(tmp_path: Path) -> None:
    async with receiver() as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url)
        await here.finish("j1", there.url)
        await here.ended("j1", "delivered")
        await here.finish("j2", there.url)
        await here.ended("j2", "delivered")
        assert len(there.messages) == 2


async def test_a_receiver_that_never_answers_holds_up_nobody_else(tmp_path: Path) -> None:
    async with receiver(0) as silent, receiver() as well, desk(tmp_path / "jobs", silent, well) as here:
        for number in range(60):
            await here.finish(f"s{number}", silent.url)
        await until(lambda: len(silent.messages) == 4)
        begun_s = monotonic()
        for number in range(20):
            await here.finish(f"w{number}", well.url)
        for number in range(20):
            await here.ended(f"w{number}", "delivered")
        assert monotonic() - begun_s < 5
        assert len(silent.messages) == 4


async def test_an_answer_that_takes_too_long_is_none(tmp_path: Path) -> None:
    async with receiver(0, 200) as slow, desk(tmp_path / "jobs", slow, timeout_s=0.1) as here:
        await here.finish("j1", slow.url)
        delivery = await here.tried("j1", 1)
        assert (delivery.http_status, delivery.note) == (None, "no answer within 0.1 s.")
        here.advance(5)
        await here.ended("j1", "delivered")


async def test_many_messages_arrive_each_once(tmp_path: Path) -> None:
    async with receiver() as there, desk(tmp_path / "jobs", there) as here:
        await asyncio.gather(*(here.finish(f"j{number}", there.url) for number in range(200)))
        await until(lambda: here.webhooks.counts() == {"delivered": 200})
        assert len({message.headers["webhook-id"] for message in there.messages}) == len(there.messages) == 200
