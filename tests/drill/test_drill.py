"""The drill: 200 jobs while workers, plane and proxy are killed at random moments. Nothing is lost, nothing doubled.

Two servers, as they may stand in two places: one is the plane with its workers, the other the proxy, which takes the
plane for a RunPod endpoint.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest

from cli_support import make
from serve_support import Server, answering, free_port, kill_workers, start

JOBS = 200
ROUNDS = 4
PATIENCE_S = 300.0
SEED = 20261124


@dataclass
class Receiver:
    """Takes webhooks, and counts deliveries by their id."""

    url: str
    seen: Counter[str] = field(default_factory=Counter)
    jobs: dict[str, set[str]] = field(default_factory=dict)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = self.headers["webhook-id"]
            receiver.seen[name] += 1
            receiver.jobs.setdefault(body["data"]["id"], set()).add(name)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with answering(Handler) as url:
        receiver.url = f"{url}/hook"
        yield receiver


class House:
    """The two servers, and what is done to them."""

    def __init__(self, folder: Path, hooks: str) -> None:
        self.folder = folder
        self.kills: Counter[str] = Counter()
        self.plane_port, self.proxy_port = free_port(), free_port()
        host = hooks.split("/")[2]
        self.environ = {
            "RUNPOD_API_KEY": "none-needed",
            "APIGPU_RUNPOD_API_URL": f"http://127.0.0.1:{self.plane_port}/v2",
            "APIGPU_TRUSTED_URLS": f"http://127.0.0.1:{self.proxy_port}/files/",
            "APIGPU_WEBHOOK_HOSTS": host,
        }
        self.plane, self.proxy = self._plane(), self._proxy()

    def _plane(self) -> Server:
        return start(self.folder / "plane", "--workers", "2", port=self.plane_port, environ=self.environ)

    def _proxy(self) -> Server:
        url = f"http://127.0.0.1:{self.proxy_port}"
        return start(
            self.folder / "proxy",
            "--runpod",
            "local",
            "--public-url",
            url,
            port=self.proxy_port,
            environ=self.environ,
        )

    def strike(self, what: str) -> None:
        if what == "workers":
            self.kills[what] += kill_workers(self.folder / "plane")
            return
        self.kills[what] += 1
        if what == "plane":
            self.plane.kill()
            self.plane = self._plane()
        else:
            self.proxy.kill()
            self.proxy = self._proxy()

    def close(self) -> None:
        self.proxy.stop()
        self.plane.stop()
        kill_workers(self.folder / "plane")


@pytest.mark.ffmpeg
@pytest.mark.timeout(480)
def test_nothing_is_lost_and_nothing_doubled_while_everything_is_killed(tmp_path: Path) -> None:
    make(tmp_path, "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", "photo.jpg")
    picture = tmp_path / "photo.jpg"
    with receiving() as receiver:
        house = House(tmp_path, receiver.url)
        began, stopped = time.monotonic(), threading.Event()
        killer = threading.Thread(target=_kill_at_random, args=(house, stopped), daemon=True)
        try:
            address = _insistent(house, "POST", "/uploads?filename=photo.jpg", content=picture.read_bytes())["url"]
            killer.start()
            ids = [_submitted(house, number, str(address), receiver.url) for number in range(JOBS)]
            jobs = _all_ended(house, ids)
            killer.join(PATIENCE_S)
            _wait_for_hooks(receiver, ids)
            wall_s = time.monotonic() - began
        finally:
            stopped.set()
            if killer.is_alive():
                killer.join(60)
            house.close()
    states = Counter(str(job["status"]) for job in jobs.values())
    attempts = sum(receiver.seen.values())
    print(f"\n{JOBS} jobs in {wall_s:.0f} s; killed: {dict(house.kills)}; states: {dict(states)}")
    print(f"webhooks: {len(receiver.seen)} messages in {attempts} requests")
    assert states == {"COMPLETED": JOBS}, [job["error"] for job in jobs.values() if job["error"]]
    assert len(set(ids)) == JOBS
    assert {job: len(names) for job, names in receiver.jobs.items()} == dict.fromkeys(ids, 1)
    assert min(house.kills[what] for what in ("workers", "plane", "proxy")) >= ROUNDS
    for job_id, job in jobs.items():
        _check_file(house.folder / "proxy" / "files", job_id, job)


def _kill_at_random(house: House, stopped: threading.Event) -> None:
    dice = random.Random(SEED)
    for _ in range(ROUNDS):
        for what in dice.sample(["workers", "plane", "workers", "proxy"], 4):
            if stopped.wait(dice.uniform(0.5, 4.0)):
                return
            house.strike(what)


def _submitted(house: House, number: int, address: str, hook: str) -> str:
    body = {
        "url_image": address,
        "duration": 0.2,
        "width": 64,
        "height": 64,
        "frame_rate": 10,
        "webhook_url": f"{hook}?{number}",
    }
    headers = {"Idempotency-Key": f"drill-{number}", "Prefer": "respond-async"}
    return str(_insistent(house, "POST", "/video/img2vid", json=body, headers=headers)["id"])


def _insistent(house: House, method: str, path: str, **more: object) -> dict[str, object]:
    """The answer, however often the server is gone meanwhile."""
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = httpx2.request(method, f"http://127.0.0.1:{house.proxy_port}{path}", timeout=10, **more)  # type: ignore[arg-type]
            if answer.status_code < 500:
                assert answer.status_code < 400, answer.text
                document: dict[str, object] = answer.json()
                return document
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, f"{method} {path} found nobody"
        time.sleep(0.1)


def _all_ended(house: House, ids: list[str]) -> dict[str, dict[str, object]]:
    ended: dict[str, dict[str, object]] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(ended) < len(ids):
        for job_id in [name for name in ids if name not in ended]:
            job = _insistent(house, "GET", f"/jobs/{job_id}")
            if job["status"] not in {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}:
                break  # they run nearly in order: no need to ask for those behind
            ended[job_id] = job
        assert time.monotonic() < deadline, f"{len(ended)} of {len(ids)} ended; {house.proxy.told[-3000:]}"
        time.sleep(0.2)
    return ended


def _wait_for_hooks(receiver: Receiver, ids: list[str]) -> None:
    deadline = time.monotonic() + 60
    while set(receiver.jobs) != set(ids) and time.monotonic() < deadline:
        time.sleep(0.2)


def _check_file(files: Path, job_id: str, job: dict[str, object]) -> None:
    """One video and one envelope, and the envelope speaks of this very video."""
    folder = files / "jobs" / job_id
    assert sorted(item.name for item in folder.iterdir()) == ["img2vid.mp4", "result.json"]
    result = job["result"]
    assert isinstance(result, dict)
    told = result["outputs"][0]
    content = (folder / "img2vid.mp4").read_bytes()
    assert (told["size_bytes"], told["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
