"""The log says what happened, in one form, and gives no secret away."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.observing.logs import AccessLog, configure_logs
from apigpu_runtime.proxy.observing.redaction import redacted
from apigpu_runtime.proxy.request_ids import RequestIds
from edge_support import Clock, application


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept, level, stream = list(root.handlers), root.level, io.StringIO()
    configure_logs("json", stream=stream)
    yield stream
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


KEY = "ak_0123abcd_" + "S" * 43
SECRETS = [
    f"the key {KEY} came",
    f"X-API-Key: {KEY}",
    "GET https://bucket.example/jobs/1/caption.mp4?X-Amz-Signature=SSSS&X-Amz-Expires=60 failed",
    "http://n8n:5678/webhook-waiting/42?signature=SSSS",
    "https://user:SSSS@example.com/video.mp4",
    "Authorization: Bearer SSSSSSSSSSSS",
    "{'authorization': 'SSSSSSSSSSSS'}",
    "the secret whsec_SSSSSSSSSSSSSSSSSSSSSSSS",
    "RUNPOD_API_KEY=rpa_SSSSSSSSSSSSSSSS",
    "webhook-signature v1,SSSSSSSSSSSSSSSS=",
    "/files/jobs/1/caption.mp4?expires=1&signature=SSSSSSSS",
    'token="SSSSSSSS"',
]


@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_is_left_in_a_text(text: str) -> None:
    assert "SSSS" not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "caption: the video https://example.com/talk.mp4 has no sound.",
        "What is it? Nothing.",
        "token expired, secret of success",
        "3 tokens: none",
        "12:34:56 frame= 42 fps= 25",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("text", SECRETS)
def test_whoever_logs_it_and_wherever_it_stands_no_secret_gets_through(log: io.StringIO, text: str) -> None:
    logging.getLogger("httpx2").warning("HTTP Request: %s", text)
    structlog.get_logger().info("seen", value=text, deep={"list": [text, (text,)]}, number=1)
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("uvicorn.error").exception("failed")
    assert len(lines(log)) == 4
    assert "SSSS" not in log.getvalue()


def test_libraries_that_tell_of_each_request_are_quiet(log: io.StringIO) -> None:
    logging.getLogger("httpx2").info('HTTP Request: GET https://example.com/x "HTTP/1.1 200 OK"')
    logging.getLogger("uvicorn.access").info('127.0.0.1 - "GET /jobs HTTP/1.1" 200')
    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.error").warning("Trouble")
    assert [line["event"] for line in lines(log)] == ["Trouble"]


def test_what_is_bound_stands_in_every_line(log: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1", job_id="j1"):
        structlog.get_logger("apigpu.proxy").info("job_taken")
        logging.getLogger("library").warning("slow")
    assert [(line["request_id"], line["job_id"], line["logger"]) for line in lines(log)] == [
        ("r1", "j1", "apigpu.proxy"),
        ("r1", "j1", "library"),
    ]


def test_for_people_it_is_text() -> None:
    root = logging.getLogger()
    kept, level, stream = list(root.handlers), root.level, io.StringIO()
    configure_logs("console", stream=stream)
    try:
        structlog.get_logger("apigpu").info("ready", url="http://127.0.0.1:8000")
        try:
            raise ValueError("no")
        except ValueError:
            structlog.get_logger("apigpu").exception("failed")
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
        structlog.reset_defaults()
    assert "ready" in stream.getvalue().splitlines()[0]
    assert "url=http://127.0.0.1:8000" in stream.getvalue().splitlines()[0]
    assert "ValueError: no" in stream.getvalue()


@pytest.mark.anyio
async def test_a_request_is_one_line_with_who_asked_and_without_the_query(log: io.StringIO, tmp_path: Path) -> None:
    with closing(KeyStore(tmp_path / "keys", now=Clock())) as keys:
        key, secret = keys.create("n8n")
        app = RequestIds(AccessLog(application(keys, Clock())))
        transport = httpx2.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            await client.get("/jobs?secret=SSSS", headers={"X-API-Key": secret, "X-Request-ID": "r1"})
            await client.get("/nowhere")
    first, second = [line for line in lines(log) if line["event"] == "request"]
    assert {
        name: first[name] for name in ("method", "path", "route", "status", "caller", "key_id", "request_id")
    } == {
        "method": "GET",
        "path": "/jobs",
        "route": "/jobs",
        "status": 200,
        "caller": "n8n",
        "key_id": key.id,
        "request_id": "r1",
    }
    assert (second["status"], second["caller"]) == (401, "nobody")
    assert "SSSS" not in log.getvalue()
    assert secret[12:] not in log.getvalue()


@pytest.mark.anyio
async def test_what_workers_and_monitors_ask_all_the_time_is_not_told_unless_it_fails(
    log: io.StringIO, tmp_path: Path
) -> None:
    with closing(KeyStore(tmp_path / "keys", now=Clock())) as keys:
        _, secret = keys.create("box", scope="worker")
        transport = httpx2.ASGITransport(AccessLog(application(keys, Clock())), client=("127.0.0.1", 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            await client.get("/health")
            await client.post("/v2/local/run", headers={"Authorization": secret})
            await client.get("/v2/local/nowhere", headers={"Authorization": secret})
    assert [(line["path"], line["status"]) for line in lines(log)] == [("/v2/local/nowhere", 404)]
