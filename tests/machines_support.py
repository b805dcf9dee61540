"""Several machines in one: keys of servers, and workers that join them from elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from serve_support import STOP_S, Server

SMALL = {"width": 320, "height": 180, "frame_rate": 10, "duration": 1}
"""Of a photo's video that is soon made."""
ASYNC = {"Prefer": "respond-async"}


def new_key(data_dir: Path, name: str, *more: str) -> str:
    """The secret of a key that the server of that folder takes."""
    command = [sys.executable, "-m", "apigpu_runtime.cli", "keys", "create", "--name", name, "--json"]
    command += ["--data-dir", str(data_dir), *more]
    told = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    secret: str = json.loads(told)["secret"]
    return secret


class Place(NamedTuple):
    """A server that starts no workers, and a key of each kind for it."""

    server: Server
    data: Path
    client_key: str
    worker_key: str


@dataclass
class Worker:
    """A running `apigpu worker`, and what it has said."""

    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        return "".join(self.log)

    def until_it_says(self, words: str, *, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while words not in self.told:
            assert time.monotonic() < deadline, self.told
            time.sleep(0.05)

    def stop(self) -> int:
        """As a user would; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


@contextmanager
def joined(url: str, key: str, work_dir: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """A worker that has nothing but an address and a key. Of it and its children nothing is left afterwards."""
    work_dir.mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APIGPU_", "RUNPOD_"))}
    env = {**inherited, "PYTHONUNBUFFERED": "1", "APIGPU_WORK_DIR": str(work_dir), **(environ or {})}
    command = [sys.executable, "-m", "apigpu_runtime.cli", "worker", "--join", url, "--token", key]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, start_new_session=True
    )
    worker = Worker(process)
    reader = threading.Thread(target=_read, args=(worker,), daemon=True)
    reader.start()
    try:
        yield worker
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)
        reader.join(STOP_S)


def _read(worker: Worker) -> None:
    assert worker.process.stdout is not None
    with worker.process.stdout as lines:
        worker.log.extend(lines)


def client_of(url: str, key: str = "") -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"X-API-Key": key} if key else {}, timeout=60)


def until_waiting_for(client: httpx2.Client, job_id: str, code: str, *, timeout_s: float = 30.0) -> dict[str, Any]:
    """Why the job waits, once the reason is that one."""
    deadline = time.monotonic() + timeout_s
    while True:
        job = client.get(f"/jobs/{job_id}").json()
        if job["waiting"] and job["waiting"]["code"] == code:
            waiting: dict[str, Any] = job["waiting"]
            return waiting
        assert time.monotonic() < deadline, job
        time.sleep(0.1)


def video_of(content: bytes, folder: Path) -> dict[str, dict[str, Any]]:
    """The streams that ffprobe finds in a file, by their kind."""
    path = folder / "probed"
    path.write_bytes(content)
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    told = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    return {stream["codec_type"]: stream for stream in json.loads(told)["streams"]}
