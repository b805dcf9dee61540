"""Lists, events, results and descriptions."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from apigpu_runtime.envelope import Failure, ProgressReport
from apigpu_runtime.storage.folder import FolderStorage
from proxy_support import PUBLIC_URL, SEED_REQUESTS, FakeEndpoint, Proxy, proxy, until

pytestmark = pytest.mark.anyio


async def test_jobs_are_listed_newest_first_page_by_page(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        made = [(await api.queued())["id"] for _ in range(7)]
        pages: list[list[str]] = []
        url = "/jobs?limit=3"
        while url:
            page = (await api.client.get(url)).json()
            pages.append([item["id"] for item in page["items"]])
            url = page["next"]
            assert url is None or url.startswith(f"{PUBLIC_URL}/jobs?")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [job_id for page in pages for job_id in page] == sorted(made, reverse=True)


async def test_jobs_are_filtered_by_state_operation_and_time(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        first = await api.queued()
        api.endpoint.complete(await api.endpoint.taken())
        await api.post("img2vid", SEED_REQUESTS["img2vid"], prefer="respond-async")

        async def count(query: str) -> int:
            return len((await api.client.get(f"/jobs?{query}")).json()["items"])

        await api.ended(first["id"])
        assert await count("status=COMPLETED") == 1
        assert await count("status=in_queue&operation=img2vid") == 1
        assert await count("status=IN_QUEUE&operation=caption") == 0
        assert await count("since=2020-01-01T00:00:00Z") == 2
        assert await count("since=2020-01-01&until=2020-02-01") == 0
        assert await count("since=2999-01-01T00:00:00%2B01:00") == 0


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("status=DONE", "status"),
        ("since=yesterday", "since"),
        ("until=9", "until"),
        ("cursor=%21%21", "cursor"),
        ("cursor=QUJD", "cursor"),
        ("state=FAILED", "state"),
    ],
)
async def test_a_wrong_filter_is_named(tmp_path: Path, query: str, where: str) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.client.get(f"/jobs?{query}")
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["errors"]] == [where]


async def test_events_tell_the_whole_job_at_each_change_and_end_with_it(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        taken = await api.endpoint.taken()
        reading = asyncio.create_task(api.client.get(f"/jobs/{job_id}/events"))
        await until(lambda: api.jobs._book.watchers.is_watched(job_id))
        api.endpoint.progress(taken, ProgressReport(stage="render", fraction=0.25))
        await until(lambda: api.jobs.get(job_id).progress is not None)
        api.endpoint.complete(taken)
        answer = await asyncio.wait_for(reading, 10)
    events = _events(answer)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert [event["status"] for event in events][-1] == "COMPLETED"
    assert {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"} == {event["status"] for event in events}
    assert all(event["id"] == job_id and event["links"] for event in events)


async def test_events_go_on_where_a_client_left(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True)) as api:
        job_id = (await api.post()).json()["id"]
        first = await api.client.get(f"/jobs/{job_id}/events")
        last_id = _ids(first)[-1]
        again = await api.client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": last_id})
        stale = await api.client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": "older"})
    assert len(_events(first)) == 1
    assert again.status_code == 204, "a browser stops asking then"
    assert _ids(stale) == [last_id]


async def test_a_result_in_a_folder_is_streamed_with_ranges_and_a_name(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "files", PUBLIC_URL, b"0123456789abcdef")
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True), storage=storage) as api:
        job_id = (await api.post()).json()["id"]
        (tmp_path / "made.mp4").write_bytes(b"0123456789")
        await storage.put_file(f"jobs/{job_id}/caption.mp4", tmp_path / "made.mp4", "video/mp4")
        whole = await api.client.get(f"/jobs/{job_id}/result")
        part = await api.client.get(f"/jobs/{job_id}/result", headers={"Range": "bytes=2-4"})
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, b"0123456789", "video/mp4")
    assert whole.headers["content-disposition"] == f'attachment; filename="caption-{job_id}.mp4"'
    assert (part.status_code, part.content) == (206, b"234")


async def test_a_result_in_a_store_is_where_its_address_points(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        api.endpoint.complete(await api.endpoint.taken(), url="https://cdn.example.com/v.mp4")
        await api.ended(job_id)
        answer = await api.client.get(f"/jobs/{job_id}/result")
        document = await api.job(job_id)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://cdn.example.com/v.mp4")
    assert document["video_url"] == "https://cdn.example.com/v.mp4"


async def test_there_is_no_result_before_the_end(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        early = await api.client.get(f"/jobs/{job_id}/result")
        api.endpoint.fail(await api.endpoint.taken(), Failure(code="x", message="y"))
        await api.ended(job_id)
        failed = await api.client.get(f"/jobs/{job_id}/result")
    assert (early.status_code, early.json()["code"]) == (409, "not_finished")
    assert "IN_QUEUE" in early.json()["message"]
    assert (failed.status_code, failed.json()["code"]) == (409, "no_file")


@pytest.mark.parametrize("path", ["/jobs/nothing", "/jobs/nothing/events", "/jobs/nothing/result", "/jobs/%00"])
async def test_an_unknown_job_is_404(tmp_path: Path, path: str) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")


async def test_operations_are_listed_and_described_with_an_example_that_runs(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True)) as api:
        listed = (await api.client.get("/operations")).json()
        for item in [*listed["items"], {"name": "pipeline"}]:
            await _described(api, item["name"])
        unknown = await api.client.get("/operations/img2vit")
    assert listed["next"] is None
    assert {"caption", "img2vid", "addaudio"} <= {item["name"] for item in listed["items"]}
    assert unknown.status_code == 404


async def _described(api: Proxy, name: str) -> None:
    described = (await api.client.get(f"/operations/{name}")).json()
    assert described["summary"]
    assert described["schema"]["type"] == "object"
    assert "webhook_url" in described["options"]["properties"]
    answer = await api.client.post(described["links"]["run"], json=described["example"])
    assert answer.status_code == 200, answer.text


def _events(answer: httpx2.Response) -> list[dict[str, Any]]:
    lines = answer.text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def _ids(answer: httpx2.Response) -> list[str]:
    return [line.removeprefix("id: ") for line in answer.text.splitlines() if line.startswith("id: ")]
