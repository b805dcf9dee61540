"""POST /video/{operation}: the answers of the first apigpu, and those that came later."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from apigpu_runtime.envelope import Failure
from proxy_support import CAPTION, PUBLIC_URL, SEED_REQUESTS, FakeEndpoint, proxy

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("operation", SEED_REQUESTS)
async def test_the_first_clients_get_the_answers_that_they_know(tmp_path: Path, operation: str) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True)) as api:
        answer = await api.post(operation, SEED_REQUESTS[operation], x_api_key="whatever")
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert {"code", "message", "video_url", "execution", "stats"} <= set(body)
    assert body["code"] == 200
    assert body["message"] == "The video is ready."
    assert set(body["execution"]) == {"startTime", "endTime", "durationMs", "durationSeconds"}
    assert body["execution"]["startTime"].endswith("Z")
    assert isinstance(body["execution"]["durationMs"], int)
    assert {"jobId", "delayTime", "executionTime"} <= set(body["stats"])
    assert body["stats"]["executionTime"] == 1200
    assert body["stats"]["jobId"] == body["id"]


@pytest.mark.parametrize("operation", SEED_REQUESTS)
async def test_the_endpoint_gets_the_fields_as_they_were_sent(tmp_path: Path, operation: str) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True)) as api:
        answer = await api.post(operation, SEED_REQUESTS[operation], x_request_id="abc-1")
        document = (await api.endpoint.taken()).document
    assert document["operation"] == operation
    assert SEED_REQUESTS[operation].items() <= document.items()
    assert document["apigpu"]["job_id"] == answer.json()["id"]
    assert document["apigpu"]["request_id"] == "abc-1"
    assert len(document["apigpu"]["digest"]) == 16


async def test_a_job_that_takes_too_long_is_answered_202_with_the_same_body(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", wait_s=0.05) as api:
        answer = await api.post()
        body = answer.json()
        assert answer.status_code == 202
        assert answer.headers["location"] == f"{PUBLIC_URL}/jobs/{body['id']}"
        assert int(answer.headers["retry-after"]) >= 1
        assert (body["code"], body["status"], body["video_url"]) == (202, "IN_QUEUE", None)
        assert body["links"]["self"] == answer.headers["location"]
        polled = await api.job(body["id"])
    assert set(polled) == set(body)


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("respond-async", "respond-async"),
        ("respond-async, wait=0", "respond-async, wait=0"),
        ("wait=0", "wait=0"),
        ('Wait="0"', "wait=0"),
    ],
)
async def test_who_prefers_not_to_wait_does_not(tmp_path: Path, prefer: str, applied: str) -> None:
    async with proxy(tmp_path / "db", wait_s=60) as api:
        answer = await asyncio.wait_for(api.post(prefer=prefer), 10)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == applied


async def test_who_prefers_to_wait_gets_the_result(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", wait_s=0) as api:
        sent = asyncio.create_task(api.post(prefer="respond-async, wait=20, handling=lenient"))
        api.endpoint.complete(await api.endpoint.taken())
        answer = await sent
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "respond-async, wait=20"


async def test_a_preference_that_makes_no_sense_is_ignored(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", wait_s=0.05) as api:
        answer = await api.post(prefer="wait=soon")
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize(("fault", "status"), [("user", 422), ("machine", 502), ("plugin", 500), ("unknown", 500)])
async def test_a_job_that_fails_in_time_is_told_as_a_problem(tmp_path: Path, fault: Any, status: int) -> None:
    failure = Failure(
        code="no_video", message="the file has no picture.", where="url_video", remedy="Send a video.", fault=fault
    )
    async with proxy(tmp_path / "db") as api:
        sent = asyncio.create_task(api.post())
        taken = await api.endpoint.taken()
        api.endpoint.fail(taken, failure)
        answer = await sent
    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert body["code"] == "no_video"
    assert body["message"] == "the file has no picture. Send a video."
    assert body["errors"] == [{"path": "url_video", "message": "the file has no picture.", "remedy": "Send a video."}]
    assert body["job_id"] == taken.job_id
    assert body["instance"] == answer.headers["location"] == f"{PUBLIC_URL}/jobs/{taken.job_id}"
    assert body["failure"]["fault"] == fault


async def test_an_unknown_operation_is_404_with_the_nearest_name(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.post("captoin")
    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_operation"
    assert "Did you mean 'caption'?" in answer.json()["message"]


async def test_wrong_fields_are_told_each_with_its_path_and_reach_no_endpoint(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.post(body={"url_video": 5, "url_srt": "https://example.com/a.srt", "stile": {}})
        assert api.endpoint.runs == 0
        assert (await api.client.get("/jobs")).json()["items"] == []
    assert answer.status_code == 422
    assert {fault["path"] for fault in answer.json()["errors"]} == {"url_video", "stile"}
    assert all(fault["message"] for fault in answer.json()["errors"])


async def test_a_pipeline_is_one_job(tmp_path: Path) -> None:
    steps = [
        {"operation": "img2vid", "url_image": "https://example.com/photo.jpg"},
        {"operation": "addaudio", "url_audio": "https://example.com/voice.mp3"},
    ]
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True)) as api:
        answer = await api.post("pipeline", {"steps": steps, "output": {"container": "mkv"}})
        document = (await api.endpoint.taken()).document
    assert answer.status_code == 200
    assert answer.json()["operation"] == "pipeline"
    assert document["steps"] == steps
    assert document["output"]["container"] == "mkv"


async def test_a_step_that_does_not_exist_is_named(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.post("pipeline", {"steps": [{"operation": "blurr", **CAPTION}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "steps.0.operation"
