"""Whatever goes right or wrong, no secret stands in what servers and workers print, or in what they answer with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from machines_support import ASYNC, SMALL, Worker, client_of, joined, new_key
from seaweed_support import BUCKET, SECRET_KEY, Store
from serve_support import Server, answering, finished, free_port, serving, upload, workers_of

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("serve")]

LOGIN, SIGNED, HOOK, ECHOED, STRANGER = (
    "pl4nted-login-of-somebody",
    "pl4nted5ignature0fsomebody",
    "pl4nted-token-of-a-hook",
    "pl4nted-words-in-a-bad-field",
    "ak_str4nger_secretofastranger",
)
WEBHOOK_SECRET = "whsec_cGw0bnRlZC1zZWNyZXQtb2Ytd2ViaG9va3MtMzJieXRlcw=="
PLANTED = (LOGIN, SIGNED, HOOK, ECHOED, STRANGER.rpartition("_")[2], WEBHOOK_SECRET.removeprefix("whsec_"))
SIGNATURE = re.compile(r"(?i)(signature|credential|security-token)=[\w%+/-]{12,}")


@dataclass
class Elsewhere:
    """A host of media, which also takes webhooks: not at once, the first time."""

    files: dict[str, bytes]
    url: str = ""
    hooks: list[str] = field(default_factory=list)
    runpods_hooks: list[str] = field(default_factory=list)
    """By RunPod's protocol these repeat the whole request, to whoever made it."""

    def media(self, name: str) -> str:
        return f"{self.url}/media/{name}?X-Amz-Credential={SIGNED}&X-Amz-Signature={SIGNED}&sig={SIGNED}"

    @property
    def hook(self) -> str:
        return f"{self.url}/hook?token={HOOK}&signature={HOOK}"


@contextmanager
def elsewhere(files: dict[str, bytes]) -> Iterator[Elsewhere]:
    host = Elsewhere(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = urlsplit(self.path).path.rpartition("/")[2]
            content = host.files.get(name)
            if name == "away.jpg":
                self._answer(302, location=f"http://somebody:{LOGIN}@10.0.0.1/secret.jpg?sig={SIGNED}")
            elif content is None:
                self._answer(403, f"no {self.path} for you".encode())
            else:
                self._answer(200, content)

        def do_POST(self) -> None:
            hooks = host.runpods_hooks if self.path.startswith("/plane") else host.hooks
            hooks.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(*((500, self.path.encode()) if len(hooks) == 1 else (204, b"")))

        def _answer(self, status: int, content: bytes = b"", location: str = "") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with answering(Handler) as host.url:
        yield host


@dataclass
class Heard:
    """All that was said by answers, and the secrets that were learnt on the way."""

    client: httpx2.Client
    secrets: set[str] = field(default_factory=set)
    answers: list[str] = field(default_factory=list)

    def refused(self, answer: httpx2.Response) -> None:
        assert answer.status_code >= 400, answer.text
        self.answers += [answer.text, str(dict(answer.headers))]

    def signed(self, url: str) -> str:
        """The same; its signature is a secret from now on."""
        self.secrets.update(parse_qs(urlsplit(url).query).get("signature", []))
        self.secrets.update(parse_qs(urlsplit(url).query).get("X-Amz-Signature", []))
        return url

    def fails(self, operation: str, fields: dict[str, Any]) -> None:
        """By each way that a failure is told."""
        headers = {"Prefer": "wait=60"}
        self.refused(failed := self.client.post(f"/video/{operation}", json=fields, headers=headers))
        job_id = failed.json()["job_id"]
        self.answers.append(self.client.get(f"/jobs/{job_id}").text)
        self.answers.append(self.client.get(f"/jobs/{job_id}/events").text)
        self.refused(self.client.get(f"/jobs/{job_id}/result"))

    def done(self, operation: str, fields: dict[str, Any]) -> None:
        job = self.client.post(f"/video/{operation}", json=fields, headers={"Prefer": "wait=60"}).json()
        assert job["status"] == "COMPLETED", job
        assert httpx2.get(self.signed(job["video_url"]), timeout=30).status_code == 200

    def check(self, *told: str) -> None:
        for text in (*told, *self.answers):
            assert "Traceback" not in text
            for secret in {*PLANTED, *self.secrets}:
                where = text.find(secret)
                assert where < 0, f"{secret} stands in: {text[max(0, where - 500) : where + 200]}"
            assert (found := SIGNATURE.search(text)) is None, found


def live(heard: Heard, host: Elsewhere, desk: Path) -> None:
    """Jobs that end well, badly and before their time."""
    photo = heard.signed(upload(heard.client, desk / "beach.jpg"))
    heard.done("img2vid", {"url_image": photo, **SMALL, "webhook_url": host.hook})
    heard.done("img2vid", {"url_image": host.media("beach.jpg"), **SMALL})
    hooked = {"webhook_url": host.hook}
    for name in ("junk.jpg", "gone.jpg", "away.jpg"):
        heard.fails("img2vid", {"url_image": host.media(name), **SMALL, **hooked})
    heard.fails("caption", {"url_video": host.media("cut.mp4"), "url_srt": host.media("talk.srt"), **hooked})
    heard.fails("img2vid", {"url_image": f"http://10.0.0.1/secret.jpg?sig={SIGNED}", **SMALL})
    heard.fails("img2vid", {"url_image": host.media("x").replace("//", f"//somebody:{LOGIN}@"), **SMALL})
    heard.fails("img2vid", {"url_image": f"{photo.partition('?')[0]}?expires=1&signature={SIGNED}", **SMALL})

    long = {"url_image": photo, "duration": 60, "width": 1280, "height": 720, "webhook_url": host.hook}
    job = heard.client.post("/video/img2vid", json=long, headers=ASYNC).json()["id"]
    with heard.client.stream("GET", f"/jobs/{job}/events") as events:
        assert any('"IN_PROGRESS"' in line for line in events.iter_lines())
    heard.client.delete(f"/jobs/{job}")
    assert finished(heard.client, job)["status"] == "CANCELLED"


def refuse(heard: Heard, host: Elsewhere) -> None:
    """Requests that never become a job."""
    client = heard.client
    fields = {"url_image": host.media("beach.jpg"), **SMALL}
    for wrong in (
        {"url_image": f"ftp://somebody:{LOGIN}@example.com/a.jpg?sig={SIGNED}"},
        {**fields, "duration": host.media("beach.jpg")},
        {**fields, "url_image": f"somebody:{LOGIN}@example.com/a.jpg?sig={SIGNED}"},
        {**fields, "webhook_url": f"http://somebody:{LOGIN}@10.0.0.1:5678/hook?token={HOOK}"},
        {**fields, "webhook_url": f"http://10.0.0.1:5678/hook?token={HOOK}"},
        {**fields, "webhook_url": f"gopher://example.com/hook?token={HOOK}"},
    ):
        for path in ("img2vid", "img2vid/dry-run", "img2vid/preview"):
            answer = client.post(f"/video/{path}", json=wrong)
            if "webhook_url" not in wrong or path == "img2vid":
                heard.refused(answer)
    for name in ("junk.jpg", "gone.jpg", "away.jpg"):
        for path in ("img2vid/dry-run", "img2vid/preview"):
            heard.refused(client.post(f"/video/{path}", json={**fields, "url_image": host.media(name)}))
    heard.refused(client.post("/webhooks/test", json={"url": f"http://10.0.0.1/hook?token={HOOK}"}))
    heard.refused(client.get(f"/jobs/none?api_key={ECHOED}"))


def wait_for(hooks: list[str], count: int) -> None:
    deadline = time.monotonic() + 30
    while len(hooks) < count:
        assert time.monotonic() < deadline, f"{len(hooks)} of {count} webhooks came"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def files(desk: Path) -> dict[str, bytes]:
    """Good media, and such as fail in the sniffer and in FFmpeg."""
    good = {name: (desk / name).read_bytes() for name in ("beach.jpg", "talk.mp4", "talk.srt")}
    return {**good, "junk.jpg": b"\0junk" * 400, "cut.mp4": good["talk.mp4"][: len(good["talk.mp4"]) // 2]}


def test_a_server_with_keys_and_its_workers_keep_secrets(files: dict[str, bytes], desk: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    client_key, worker_key = new_key(data, "n8n"), new_key(data, "gpu-box", "--scope", "worker")
    with elsewhere(files) as host:
        environ = {
            "APIGPU_TRUSTED_URLS": f"{host.url}/media/",
            "APIGPU_WEBHOOK_HOSTS": host.url.removeprefix("http://"),
            "APIGPU_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "RUNPOD_LOG_LEVEL": "DEBUG",
        }
        with serving(data, environ=environ) as server, client_of(server.url, client_key) as client:
            heard = Heard(client, {client_key.rpartition("_")[2], worker_key.rpartition("_")[2]})
            live(heard, host, desk)
            heard.secrets.update(tokens_of(data))
            refuse(heard, host)
            refused_by_key(heard, server, worker_key)
            run_on_the_plane(client, host)
            told_elsewhere = by_a_worker_that_joins(server, worker_key, host, tmp_path, heard)
            wait_for(host.hooks, 7)
            wait_for(host.runpods_hooks, 1)
            heard.answers += [client.get(path).text for path in ("/webhooks", "/metrics", "/health")]
        heard.check(server.told, told_elsewhere, *(text for text in host.hooks if '"FAILED"' in text))
    for word in ("webhook", "download_failed", "address_refused", "not_media", "truncated", "key_id"):
        assert word in server.told, "the log tells of what it was given to hide"


def tokens_of(data: Path) -> list[str]:
    """Of the workers that the server started itself."""
    environs = [Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in workers_of(data)]
    found = [
        entry.partition(b"=")[2].decode() for item in environs for entry in item if entry.startswith(b"RUNPOD_AI")
    ]
    assert found
    return found


def refused_by_key(heard: Heard, server: Server, worker_key: str) -> None:
    for headers in (
        {"X-API-Key": STRANGER},
        {"Authorization": f"Bearer {STRANGER}"},
        {"Authorization": STRANGER},
        {"X-API-Key": worker_key},
        {},
    ):
        heard.refused(httpx2.get(f"{server.url}/jobs?token={ECHOED}", headers=headers))
        if headers.get("X-API-Key") != worker_key:
            heard.refused(httpx2.get(f"{server.url}/v2/local/job-take/w1?token={ECHOED}", headers=headers))
    heard.refused(httpx2.get(f"{server.url}/files/uploads/{'0' * 32}.jpg?expires=9999999999&signature={SIGNED}"))
    heard.refused(httpx2.put(f"{server.url}/files/jobs/x/y.mp4?expires=1&signature={SIGNED}", content=b"x"))


def run_on_the_plane(client: httpx2.Client, host: Elsewhere) -> None:
    """By RunPod's own API, with its webhook."""
    fields = {"operation": "img2vid", "url_image": host.media("junk.jpg"), **SMALL}
    hook = f"{host.url}/plane?token={HOOK}"
    answer = client.post("/v2/local/runsync", json={"input": fields, "webhook": hook})
    assert answer.json()["status"] == "FAILED", answer.text
    for secret in PLANTED:
        assert secret not in answer.text


def by_a_worker_that_joins(server: Server, worker_key: str, host: Elsewhere, tmp_path: Path, heard: Heard) -> str:
    """All that it says; the server's own worker is busy meanwhile."""
    busy = {"url_image": host.media("beach.jpg"), "duration": 60, "width": 1280, "height": 720}
    environ = {"APIGPU_TRUSTED_URLS": f"{host.url}/media/", "RUNPOD_LOG_LEVEL": "DEBUG"}
    with joined(server.url, worker_key, tmp_path / "work", environ=environ) as worker:
        worker.until_it_says("renders")
        jobs = [heard.client.post("/video/img2vid", json=busy, headers=ASYNC).json()["id"] for _ in range(2)]
        _until_both_run(heard.client, jobs, worker)
        for job in jobs:
            heard.client.delete(f"/jobs/{job}")
            assert finished(heard.client, job)["status"] == "CANCELLED"
        worker.stop()
    return worker.told


def _until_both_run(client: httpx2.Client, jobs: list[str], worker: Worker) -> None:
    deadline = time.monotonic() + 30
    while any(client.get(f"/jobs/{job}").json()["status"] == "IN_QUEUE" for job in jobs):
        assert time.monotonic() < deadline, worker.told
        time.sleep(0.1)


def test_servers_before_and_behind_runpods_api_keep_secrets(
    store: Store, files: dict[str, bytes], desk: Path, tmp_path: Path
) -> None:
    runpod_data = tmp_path / "runpod"
    runpod_key = new_key(runpod_data, "proxy")
    with elsewhere(files) as host:
        environ = {
            "APIGPU_TRUSTED_URLS": f"{store.endpoint}/,{host.url}/media/",
            "APIGPU_WEBHOOK_HOSTS": host.url.removeprefix("http://"),
            "APIGPU_RUNPOD_REST_URL": f"http://127.0.0.1:{free_port()}",
            "APIGPU_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "RUNPOD_API_KEY": runpod_key,
            "APIGPU_STORAGE": f"s3://{BUCKET}/secrets",
            **store.environ(),
        }
        with serving(runpod_data, environ=environ) as runpod:
            environ["APIGPU_RUNPOD_API_URL"] = f"{runpod.url}/v2"
            with (
                serving(tmp_path / "proxy", "--runpod", "local", environ=environ) as proxy,
                client_of(proxy.url) as client,
            ):
                heard = Heard(client, {runpod_key.rpartition("_")[2], SECRET_KEY})
                live(heard, host, desk)
                refuse(heard, host)
                wait_for(host.hooks, 7)
    heard.check(proxy.told, runpod.told, *(text for text in host.hooks if '"FAILED"' in text))


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APIGPU_TRUSTED_URLS", f"http://minio:{LOGIN}@minio.internal:9000/?sig={SIGNED}"),
        ("APIGPU_STORAGE", f"s3://minio:{LOGIN}@videos/?sig={SIGNED}"),
    ],
)
def test_a_setting_with_a_login_is_refused_at_once_and_not_repeated(
    command: str, name: str, value: str, tmp_path: Path
) -> None:
    flags = {"serve": ["--port", "0", "--data-dir", str(tmp_path)], "worker": ["--join", "http://127.0.0.1:9"]}
    done = subprocess.run(
        [sys.executable, "-m", "apigpu_runtime.cli", command, *flags[command]],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {name}: ")
    assert done.stderr.count("\n") == 1, "one line, and no traceback"
    assert not any(secret in done.stderr for secret in PLANTED)
