"""`apigpu serve` as a process of its own, with clients that talk to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

READY_S = 30.0
STOP_S = 20.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class Server:
    """A running `apigpu serve`."""

    process: subprocess.Popen[str]
    url: str
    log: list[str] = field(default_factory=list)
    ready_s: float = 0.0

    def kill(self) -> None:
        """As the kernel would: at once, and without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)

    def stop(self) -> int:
        """As a user would; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    @property
    def told(self) -> str:
        return "".join(self.log)


def start(data_dir: Path, *flags: str, port: int = 0, environ: Mapping[str, str] | None = None) -> Server:
    """Start, and wait until it says that it is ready."""
    command = [sys.executable, "-m", "apigpu_runtime.cli", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})}
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )
    server = Server(process, "")
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            server.log.append(line)
            found = re.search(r"(http://127\.0\.0\.1:\d+)", line)
            if found and not server.url:
                server.url = found[1]
                server.ready_s = time.monotonic() - began
                ready.set()
        process.stdout.close()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    if not ready.wait(READY_S) or not server.url:
        process.kill()
        process.wait(STOP_S)
        raise AssertionError(f"apigpu serve did not become ready:\n{server.told}")
    return server


@contextmanager
def serving(data_dir: Path, *flags: str, port: int = 0, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for the length of a block; nothing of it is left afterwards."""
    server = start(data_dir, *flags, port=port, environ=environ)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
        kill_workers(data_dir)


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a small server of a test's own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def workers_of(data_dir: Path) -> list[int]:
    """Process ids of the workers that a server with this folder has started."""
    marker = f"APIGPU_DATA_DIR={data_dir}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            is_worker = b"worker" in (folder / "cmdline").read_bytes().split(b"\0")
            if is_worker and marker in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def kill_workers(data_dir: Path) -> int:
    """Kill them all; how many there were."""
    found = workers_of(data_dir)
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return len(found)


def upload(client: httpx2.Client, path: Path) -> str:
    """The address of an uploaded file."""
    answer = client.post("/uploads", params={"filename": path.name}, content=path.read_bytes())
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    return url


def finished(client: httpx2.Client, job_id: str, *, timeout_s: float = 60.0) -> dict[str, object]:
    """The job once it has ended."""
    deadline = time.monotonic() + timeout_s
    while True:
        job: dict[str, object] = client.get(f"/jobs/{job_id}").json()
        if job["status"] in {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
