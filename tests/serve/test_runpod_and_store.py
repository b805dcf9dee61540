"""`apigpu serve --runpod` as it is run in earnest: RunPod far away, an object store between, this machine's own files
out of everybody's reach. Another `apigpu serve` stands for RunPod, SeaweedFS for S3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.open import open_storage
from machines_support import ASYNC, SMALL, client_of, new_key, until_waiting_for, video_of
from seaweed_support import BUCKET, Store
from serve_support import Server, finished, free_port, serving, upload

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("serve")]

PROXYS = f"s3://{BUCKET}/proxys"
WORKERS = f"s3://{BUCKET}/workers"


class RunPod(NamedTuple):
    """What stands for it: its API, a key for that, and the store that its workers reach."""

    api_url: str
    key: str
    store: Store

    def environ(self, **more: str) -> dict[str, str]:
        """Of a server before it; nothing waits for an outside host."""
        return {
            "RUNPOD_API_KEY": self.key,
            "APIGPU_RUNPOD_API_URL": self.api_url,
            "APIGPU_RUNPOD_REST_URL": f"http://127.0.0.1:{free_port()}",
            "APIGPU_TRUSTED_URLS": f"{self.store.endpoint}/",
            **self.store.environ(),
            **more,
        }

    def storage(self, place: str) -> Storage:
        found = open_storage(Settings(storage=place, environ=self.store.environ()))
        assert found is not None
        return found


@pytest.fixture(scope="module")
def runpod(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPod]:
    data = tmp_path_factory.mktemp("runpod")
    key = new_key(data, "proxy")
    environ = {"APIGPU_TRUSTED_URLS": f"{store.endpoint}/", "APIGPU_STORAGE": WORKERS, **store.environ()}
    with serving(data, environ=environ) as server:
        yield RunPod(f"{server.url}/v2", key, store)


@pytest.fixture(scope="module")
def proxy(runpod: RunPod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a store."""
    with serving(
        tmp_path_factory.mktemp("proxy"), "--runpod", "local", environ=runpod.environ(APIGPU_STORAGE=PROXYS)
    ) as server:
        yield server


@contextmanager
def client_before(
    runpod: RunPod, folder: Path, *, endpoint: str = "local", **environ: str
) -> Iterator[httpx2.Client]:
    """A client of a server without a store."""
    with (
        serving(folder, "--runpod", endpoint, environ=runpod.environ(**environ)) as server,
        client_of(server.url) as client,
    ):
        yield client


def request_of(operation: str, client: httpx2.Client, desk: Path) -> dict[str, Any]:
    def sent(name: str) -> str:
        return upload(client, desk / name)

    match operation:
        case "caption":
            return {"url_video": sent("talk.mp4"), "url_srt": sent("talk.srt")}
        case "addaudio":
            return {"url_video": sent("talk.mp4"), "url_audio": sent("voice.mp3")}
        case "img2vid":
            return {"url_image": sent("beach.jpg"), **SMALL}
    steps = [
        {"operation": "img2vid", "url_image": sent("beach.jpg"), **SMALL},
        {"operation": "addaudio", "url_audio": sent("voice.mp3")},
        {"operation": "caption", "url_srt": sent("talk.srt")},
    ]
    return {"steps": steps}


@pytest.mark.parametrize("operation", ["caption", "addaudio", "img2vid", "pipeline"])
def test_files_that_are_sent_come_back_as_a_video_by_way_of_the_store(
    operation: str, runpod: RunPod, proxy: Server, desk: Path, tmp_path: Path
) -> None:
    with client_of(proxy.url) as client:
        fields = request_of(operation, client, desk)
        job = client.post(f"/video/{operation}", json=fields, headers={"Prefer": "wait=60"}).json()
        assert job["status"] == "COMPLETED", job
        assert job["video_url"].startswith(f"{runpod.store.endpoint}/{BUCKET}/proxys/jobs/{job['id']}/")
        away = client.get(f"/jobs/{job['id']}/result")
        assert away.status_code == 302, "the file is not carried through this machine"
    by_redirect = httpx2.get(away.headers["location"], timeout=30).content
    by_document = httpx2.get(job["video_url"], timeout=30).content
    assert by_redirect == by_document
    assert "video" in video_of(by_document, tmp_path)
    told = job["result"]["outputs"][0]
    assert told["size_bytes"] == len(by_document)
    envelope = asyncio.run(runpod.storage(PROXYS).read(f"jobs/{job['id']}/result.json", max_bytes=1 << 20))
    assert envelope is not None
    assert json.loads(envelope)["outputs"][0]["sha256"] == told["sha256"]


def test_a_dry_run_and_a_preview_look_at_files_in_the_store(proxy: Server, desk: Path) -> None:
    with client_of(proxy.url) as client:
        fields = request_of("caption", client, desk)
        planned = client.post("/video/caption/dry-run", json=fields)
        assert planned.status_code == 200, planned.text
        shown = client.post("/video/caption/preview?at=0.5", json=fields)
        assert shown.content.startswith(b"\x89PNG"), shown.text


def test_jobs_survive_that_the_server_before_runpod_is_killed(runpod: RunPod, desk: Path, tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    environ = runpod.environ(APIGPU_STORAGE=f"s3://{BUCKET}/killed")
    with (
        serving(data, "--runpod", "local", port=port, environ=environ) as first,
        client_of(first.url) as client,
    ):
        photo = {"url_image": upload(client, desk / "beach.jpg")}
        long = {**photo, "duration": 8, "width": 640, "height": 360}
        jobs = [client.post("/video/img2vid", json=long, headers=ASYNC).json()["id"]]
        with client.stream("GET", f"/jobs/{jobs[0]}/events") as events:
            assert any('"IN_PROGRESS"' in line for line in events.iter_lines())
        jobs += [client.post("/video/img2vid", json={**photo, **SMALL}, headers=ASYNC).json()["id"] for _ in range(3)]
        first.kill()
    with (
        serving(data, "--runpod", "local", port=port, environ=environ) as again,
        client_of(again.url) as client,
    ):
        done = [finished(client, job) for job in jobs]
        assert [job["status"] for job in done] == ["COMPLETED"] * 4, done
        for job in done:
            assert "video" in video_of(httpx2.get(str(job["video_url"]), timeout=30).content, tmp_path)


def test_without_a_store_files_are_refused_with_what_to_configure(runpod: RunPod, desk: Path, tmp_path: Path) -> None:
    with client_before(runpod, tmp_path / "data") as client:
        sent = {"url_image": ("beach.jpg", (desk / "beach.jpg").read_bytes(), "image/jpeg")}
        for answer in (
            client.post("/uploads?filename=a.jpg", content=b"x"),
            client.post("/uploads/presign", json={"filename": "a.jpg"}),
            client.post("/video/img2vid", files=sent),
        ):
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (501, "no_storage")
            assert "APIGPU_STORAGE" in problem["remedy"]
            assert "send URLs instead" in problem["remedy"]


def test_without_a_store_addresses_do_if_the_endpoint_delivers_by_itself(
    runpod: RunPod, desk: Path, tmp_path: Path
) -> None:
    async def put() -> str:
        await runpod.storage(WORKERS).put_file("beach.jpg", desk / "beach.jpg", "image/jpeg")
        return runpod.storage(WORKERS).signed("GET", "beach.jpg", expires_s=600).url

    fields = {"url_image": asyncio.run(put()), **SMALL}
    with client_before(runpod, tmp_path / "data") as client:
        job = client.post("/video/img2vid", json=fields, headers={"Prefer": "wait=60"}).json()
        assert job["status"] == "COMPLETED", job
        assert job["video_url"].startswith(f"{runpod.store.endpoint}/{BUCKET}/workers/jobs/")
        away = client.get(f"/jobs/{job['id']}/result")
        assert (away.status_code, away.headers["location"]) == (302, job["video_url"])
    assert video_of(httpx2.get(job["video_url"], timeout=30).content, tmp_path)["video"]["width"] == 320


@pytest.mark.parametrize(
    ("endpoint", "wrong", "code", "words", "status"),
    [
        ("local", {"RUNPOD_API_KEY": "rpa_wrong_key_of_nobody"}, "runpod_key_refused", "RUNPOD_API_KEY", "broken"),
        ("4m7x2k9q", {}, "endpoint_unknown", "4m7x2k9q", "broken"),
        ("local", {"APIGPU_RUNPOD_API_URL": "http://127.0.0.1:9"}, "endpoint_unreachable", "connection", "degraded"),
    ],
    ids=["wrong key", "unknown endpoint", "nobody there"],
)
def test_what_keeps_jobs_from_runpod_is_told_by_each_job_and_by_health(
    endpoint: str, wrong: dict[str, str], code: str, words: str, status: str, runpod: RunPod, tmp_path: Path
) -> None:
    fields = {"url_image": "https://example.com/a.jpg"}
    with client_before(runpod, tmp_path / "data", endpoint=endpoint, **wrong) as client:
        job = client.post("/video/img2vid", json=fields, headers=ASYNC).json()
        waiting = until_waiting_for(client, job["id"], code)
        health = client.get("/health")
        assert client.delete(f"/jobs/{job['id']}").is_success
        assert finished(client, job["id"])["status"] == "CANCELLED"
    assert words in waiting["message"] + waiting["remedy"]
    assert "key_of_nobody" not in str(waiting)
    assert (health.json()["status"], health.status_code) == (status, 503 if status == "broken" else 200)
    assert health.json()["backend"]["diagnosis"]["code"] == code
