"""`apigpu serve --runpod`, with another `apigpu serve` as RunPod: its plane and workers speak RunPod's protocols."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli_support import make
from serve_support import finished, free_port, serving, upload

SRT = "1\n00:00:00,100 --> 00:00:00,900\nFrom afar\n"


@pytest.fixture(scope="module")
def runpod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, int]]:
    """RunPod's address, a key for it, and the port of whoever may be called from there."""
    data = tmp_path_factory.mktemp("runpod")
    command = [sys.executable, "-m", "apigpu_runtime.cli", "keys", "create", "--name", "a", "--data-dir", str(data)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    key = next(word for word in told.split() if word.startswith("ak_"))
    port = free_port()
    with serving(data, environ={"APIGPU_TRUSTED_URLS": f"http://127.0.0.1:{port}/files/"}) as server:
        yield f"{server.url}/v2", key, port


@contextmanager
def served(folder: Path, api_url: str, key: str, *, port: int = 0) -> Iterator[httpx2.Client]:
    """A client of a server whose endpoint is at `api_url`; RunPod's other API is not there."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        "RUNPOD_API_KEY": key,
        "APIGPU_RUNPOD_API_URL": api_url,
        "APIGPU_RUNPOD_REST_URL": "http://127.0.0.1:9",
    }
    flags = ["--runpod", "local", "--public-url", url]
    with (
        serving(folder, *flags, port=port, environ=environ) as server,
        httpx2.Client(base_url=server.url, timeout=40) as client,
    ):
        yield client
        assert key not in server.told


@pytest.mark.ffmpeg
def test_an_endpoint_renders_what_was_asked_of_this_server(runpod: tuple[str, str, int], tmp_path: Path) -> None:
    api_url, key, port = runpod
    video, subtitles = tmp_path / "talk.mp4", tmp_path / "talk.srt"
    make(tmp_path, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-pix_fmt", "yuv420p", "talk.mp4")
    subtitles.write_text(SRT, encoding="utf-8")
    with served(tmp_path / "data", api_url, key, port=port) as client:
        fields = {"url_video": upload(client, video), "url_srt": upload(client, subtitles)}
        job = client.post("/video/caption", json=fields, headers={"Prefer": "respond-async"}).json()
        done: dict[str, Any] = finished(client, job["id"])
        assert (done["status"], done["error"]) == ("COMPLETED", None)
        result = client.get(f"/jobs/{job['id']}/result")
        assert len(result.content) == done["result"]["outputs"][0]["size_bytes"]
        assert client.get("/health").json()["backend"]["name"] == "local"


def test_a_job_waits_for_a_key_that_works_and_says_so(runpod: tuple[str, str, int], tmp_path: Path) -> None:
    api_url, key, _ = runpod
    data = tmp_path / "data"
    fields = {"url_video": "http://127.0.0.1/no.mp4", "url_srt": "http://127.0.0.1/no.srt"}
    with served(data, api_url, "rpa_wrong") as client:
        job = client.post("/video/caption", json=fields, headers={"Prefer": "respond-async"}).json()
        waiting = until_it_says_why(client, job["id"])
        assert waiting["code"] == "runpod_key_refused"
        assert "RUNPOD_API_KEY" in waiting["remedy"]
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "broken")
    with served(data, api_url, key) as client:
        done: dict[str, Any] = finished(client, job["id"])
    assert done["status"] == "FAILED"
    assert done["error"]["code"] == "address_refused", "the job ran, and its worker refused the address"


def until_it_says_why(client: httpx2.Client, job_id: str) -> dict[str, str]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        job = client.get(f"/jobs/{job_id}").json()
        assert job["status"] == "IN_QUEUE"
        if job["waiting"]:
            waiting: dict[str, str] = job["waiting"]
            return waiting
        time.sleep(0.05)
    raise AssertionError("it never said why")
