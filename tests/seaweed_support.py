"""A real S3-compatible store on this machine: SeaweedFS, with its keys checked and its signatures too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2

BUCKET = "videos"
ACCESS_KEY = "apigpu-test"
SECRET_KEY = "s3-secret-of-the-tests"
READY_S = 40.0


@dataclass(frozen=True)
class Store:
    """Where it is, and the variables that lead there."""

    endpoint: str

    def environ(self, **more: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            **more,
        }


def weed() -> str | None:
    """The program, beside this Python or on the path."""
    return shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


@contextmanager
def seaweed(folder: Path) -> Iterator[Store]:
    """The store, started and gone again."""
    store, process = _started(folder)
    try:
        yield store
    finally:
        _end(process)


def _started(folder: Path) -> tuple[Store, subprocess.Popen[bytes]]:
    """Somebody else may take a port between the look for it and its use: then it is tried with others."""
    for attempt in range(3):
        store, process = _start(folder / str(attempt))
        try:
            _make_bucket(store, process, folder / str(attempt) / "log")
        except AssertionError:
            _end(process)
            if attempt == 2:
                raise
        else:
            return store, process
    raise AssertionError


def _start(folder: Path) -> tuple[Store, subprocess.Popen[bytes]]:
    program = weed()
    assert program is not None
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip((f"{name}.port{kind}" for name in names for kind in ("", ".grpc")), _free_ports(8), strict=True))
    (folder / "data").mkdir(parents=True)
    (folder / "s3.json").write_text(json.dumps(_identities()))
    argv = [
        *(program, "-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}"),
        *("-filer", "-s3", f"-s3.config={folder / 's3.json'}", "-volume.max=20", "-master.volumeSizeLimitMB=64"),
        *(
            "-master.telemetry=false",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{name}={port}" for name, port in ports.items()),
        ),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    return Store(f"http://127.0.0.1:{ports['s3.port']}"), process


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def _make_bucket(store: Store, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it answers. An object put by an administrator makes the bucket that it lies in."""
    from datetime import timedelta

    import obstore

    from apigpu_runtime.storage.objects import s3_store

    url = obstore.sign(s3_store(BUCKET, "", store.environ()), "PUT", "ready", timedelta(minutes=5))
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx2.put(url, content=b"1", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"SeaweedFS did not become ready:\n{log.read_text(errors='replace')[-3000:]}")


def _identities() -> dict[str, object]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return {"identities": [{"name": "tests", "credentials": credentials, "actions": ["Admin"]}]}


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
