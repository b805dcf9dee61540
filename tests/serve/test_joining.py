"""A worker on another machine, which has nothing but the server's address and a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from machines_support import ASYNC, SMALL, Place, client_of, joined, new_key, until_waiting_for, video_of
from serve_support import finished, free_port, serving, upload, workers_of

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("serve")]


@pytest.fixture
def client(place: Place) -> Iterator[httpx2.Client]:
    with client_of(place.server.url, place.client_key) as found:
        yield found


def test_a_job_waits_for_a_worker_to_join_and_says_how(
    place: Place, client: httpx2.Client, desk: Path, tmp_path: Path
) -> None:
    photo = upload(client, desk / "beach.jpg")
    job = client.post("/video/img2vid", json={"url_image": photo, **SMALL}, headers=ASYNC).json()
    waiting = until_waiting_for(client, job["id"], "none_joined")
    assert waiting["message"] == "There is no worker, and this server starts none of its own."
    assert "apigpu worker --join URL --token KEY" in waiting["remedy"]
    assert "--scope worker" in waiting["remedy"]
    health = client.get("/health").json()
    assert (health["status"], health["backend"]["diagnosis"]["code"]) == ("degraded", "none_joined")

    with joined(place.server.url, place.worker_key, tmp_path / "work") as worker:
        done = finished(client, job["id"])
        assert done["status"] == "COMPLETED", done
        assert worker.stop() == 0
    assert video_of(client.get(str(done["video_url"])).content, tmp_path)["video"]["width"] == 320
    assert list((tmp_path / "work").iterdir()) == [], "it leaves nothing behind"
    assert workers_of(place.data) == [], "the server started none of its own"
    assert f"workers that join: apigpu worker --join {place.server.url} --token KEY" in place.server.told


def test_a_worker_that_joins_makes_a_pipeline_of_files_sent_with_the_request(
    place: Place, client: httpx2.Client, desk: Path, tmp_path: Path
) -> None:
    steps = [
        {"operation": "img2vid", "url_image": upload(client, desk / "beach.jpg"), **SMALL},
        {"operation": "addaudio", "url_audio": upload(client, desk / "voice.mp3")},
        {"operation": "caption", "url_srt": upload(client, desk / "talk.srt")},
    ]
    with joined(place.server.url, place.worker_key, tmp_path / "work"):
        job = client.post("/video/pipeline", json={"steps": steps}, headers={"Prefer": "wait=60"}).json()
    assert job["status"] == "COMPLETED", job
    assert set(video_of(client.get(job["video_url"]).content, tmp_path)) == {"audio", "video"}
    assert job["result"]["worker"]["id"]


def test_what_is_private_but_none_of_the_servers_files_stays_out_of_reach(
    place: Place, client: httpx2.Client, tmp_path: Path
) -> None:
    health = f"{place.server.url}/health"
    with joined(place.server.url, place.worker_key, tmp_path / "work"):
        answer = client.post("/video/img2vid", json={"url_image": health, **SMALL}, headers={"Prefer": "wait=60"})
    assert (answer.status_code, answer.json()["code"]) == (422, "address_refused")


@pytest.mark.parametrize("path", ["job-take/w1?gpu=x", "job-take-batch/w1", "job-stop/w1", "ping/w1"])
def test_a_clients_key_takes_no_jobs(place: Place, client: httpx2.Client, path: str) -> None:
    for headers in ({"X-API-Key": place.client_key}, {"Authorization": place.client_key}):
        answer = httpx2.get(f"{place.server.url}/v2/local/{path}", headers=headers, timeout=20)
        assert answer.status_code in {401, 403}, answer.text
        assert place.client_key not in answer.text
    assert httpx2.post(f"{place.server.url}/v2/local/job-done/w1/j1", json={}, headers=headers).status_code == 401


def test_a_workers_key_submits_nothing(place: Place) -> None:
    with client_of(place.server.url, place.worker_key) as worker:
        answers = [
            worker.post("/video/img2vid", json={"url_image": "https://example.com/a.jpg"}),
            worker.post("/uploads", content=b"x"),
            worker.get("/jobs"),
            worker.post("/v2/local/run", json={"input": {}}),
            worker.post("/v2/local/purge-queue"),
            worker.get("/v2/local/status/j1"),
        ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 401, 401, 401]
    assert answers[0].json()["code"] == "wrong_scope"


def test_a_worker_whose_key_is_refused_says_so(place: Place, tmp_path: Path) -> None:
    with joined(place.server.url, "ak_gone0000_secretofnobody", tmp_path / "work") as worker:
        worker.until_it_says("refuses this worker's key")
    assert "secretofnobody" not in worker.told + place.server.told


def test_a_worker_that_joined_outlives_the_server_and_brings_it_the_result(desk: Path, tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    worker_key, client_key = new_key(data, "gpu-box", "--scope", "worker"), new_key(data, "n8n")
    with (
        serving(data, "--workers", "0", port=port) as first,
        client_of(first.url, client_key) as client,
        joined(first.url, worker_key, tmp_path / "work") as worker,
    ):
        long = {"url_image": upload(client, desk / "beach.jpg"), "duration": 8, "width": 640, "height": 360}
        job = client.post("/video/img2vid", json=long, headers=ASYNC).json()["id"]
        with client.stream("GET", f"/jobs/{job}/events") as events:
            assert any('"IN_PROGRESS"' in line for line in events.iter_lines())
        first.kill()
        with serving(data, "--workers", "0", port=port):
            done: dict[str, Any] = finished(client, job)
        assert (done["status"], done["error"]) == ("COMPLETED", None)
        assert worker.told.count("rendered on") == 1, "what was done while nobody listened is not done again"


def test_a_server_that_others_reach_asks_for_the_address_that_they_know(tmp_path: Path) -> None:
    data = tmp_path / "data"
    new_key(data, "n8n")
    with serving(data, "--host", "0.0.0.0", "--workers", "0") as server:
        server.stop()
    assert f"others are told addresses at {server.url}: --public-url names a better one" in server.told


def test_a_worker_that_knows_the_server_by_another_name_says_what_to_set(
    place: Place, client: httpx2.Client, desk: Path, tmp_path: Path
) -> None:
    fields = {"url_image": upload(client, desk / "beach.jpg"), **SMALL}
    by_name, wait = place.server.url.replace("127.0.0.1", "localhost"), {"Prefer": "wait=60"}
    with joined(by_name, place.worker_key, tmp_path / "work"):
        problem = client.post("/video/img2vid", json=fields, headers=wait).json()
    assert problem["code"] == "address_refused"
    assert "the result cannot be delivered: 127.0.0.1 is not called" in problem["message"]
    assert "APIGPU_TRUSTED_URLS" in problem["remedy"]
    assert "--public-url" in problem["remedy"]
    trusted = {"APIGPU_TRUSTED_URLS": f"{place.server.url}/files/"}
    with joined(by_name, place.worker_key, tmp_path / "work", environ=trusted):
        job = client.post("/video/img2vid", json=fields, headers=wait).json()
    assert job["status"] == "COMPLETED", job
