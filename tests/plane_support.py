"""A plane served over real HTTP, workers of the stock SDK, and a bare worker of a few lines."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from apigpu_runtime.callers import CLIENT, INTERNAL, WORKER, Caller, as_caller
from apigpu_runtime.plane.app import plane_app
from apigpu_runtime.plane.behaviour import Behaviour
from apigpu_runtime.plane.environment import worker_environment
from apigpu_runtime.plane.plane import Plane
from apigpu_runtime.plane.supervisor import Supervisor

CLIENT_KEY = "client-key"
WORKER_KEY = "worker-key"
KEYS = {
    CLIENT_KEY: Caller("a client", frozenset({CLIENT}), "key-1"),
    WORKER_KEY: Caller("a worker", frozenset({WORKER}), "key-2"),
}
SDK_WORKER = [sys.executable, str(Path(__file__).with_name("plane_worker.py"))]
LIGHT_WORKER = [sys.executable, "-I", "-S", str(Path(__file__).with_name("plane_light_worker.py"))]
_SERVER = Path(__file__).with_name("plane_server.py")
_LONG_S = 20.0


@dataclass
class Served:
    plane: Plane
    url: str
    """Of the endpoint: `http://127.0.0.1:PORT/v2/local`."""
    http: httpx2.AsyncClient
    """A client of this address that needs no key."""
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    """Called with the id of each job whose status changed."""
    said: list[str] = field(default_factory=list)

    async def run(self, job_input: dict[str, Any] | None = None, **more: Any) -> str:
        response = await self.http.post("/run", json={"input": job_input or {}, **more})
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    async def status(self, job_id: str) -> dict[str, Any]:
        response = await self.http.get(f"/status/{job_id}")
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document

    async def until(self, job_id: str, *states: str) -> dict[str, Any]:
        """The status when it is one of these, within a deadline."""

        async def reached() -> dict[str, Any] | None:
            document = await self.status(job_id)
            return document if document["status"] in states else None

        return await eventually(reached)

    async def take(self, worker_id: str = "w1", **query: Any) -> dict[str, Any] | None:
        response = await self.http.get(f"/job-take/{worker_id}", params=query)
        assert response.status_code in (200, 204), response.text
        return response.json() if response.status_code == 200 else None

    async def done(self, job_id: str, worker_id: str = "w1", **report: Any) -> httpx2.Response:
        return await self.http.post(f"/job-done/{worker_id}/{job_id}", json=report or {"output": "done"})

    async def ping(self, *job_ids: str, worker_id: str = "w1") -> None:
        params = {"job_id": ",".join(job_ids)} if job_ids else {}
        response = await self.http.get(f"/ping/{worker_id}", params=params)
        assert response.status_code == 200, response.text


async def eventually(look: Callable[[], Any], *, within_s: float = _LONG_S) -> Any:
    """What `look` returns, awaited where it must be, as soon as it is true. Fails at the deadline."""
    deadline = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < deadline:
        found = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come about in time")


def with_keys(app: ASGIApp) -> ASGIApp:
    """Callers by the keys above, as a Bearer or bare; without any header, apigpu itself."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        key = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        caller = KEYS.get(key, Caller("unknown", frozenset())) if key else INTERNAL
        await as_caller(app, caller)(scope, receive, send)

    return checked


def loopback_socket(port: int = 0) -> socket.socket:
    found = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio lets small packets wait
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """The address of `app`, served by uvicorn in this loop."""
    bound = loopback_socket()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve([bound]))
    try:
        await eventually(lambda: server.started)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        bound.close()


@asynccontextmanager
async def served_plane(folder: Path, behaviour: Behaviour | None = None, **more: Any) -> AsyncIterator[Served]:
    """A running plane over HTTP. Its webhooks may go anywhere."""
    listeners: list[Callable[[str], None]] = []

    def changed(job_id: str) -> None:
        for listener in listeners:
            listener(job_id)

    plane = Plane(folder / "plane.sqlite3", behaviour=behaviour, on_change=changed, http=_plain_client, **more)
    app = Starlette(routes=[Mount("/v2/local", with_keys(plane_app(plane)))])
    async with plane.running(), listening(app) as address:
        url = f"{address}/v2/local"
        async with _plain_client(base_url=url, timeout=_LONG_S) as http:
            yield Served(plane, url, http, listeners)


def _plain_client(**more: Any) -> httpx2.AsyncClient:
    """Without the certificates, whose loading takes longer than most of these tests."""
    return httpx2.AsyncClient(verify=False, **more)


def _no_signals() -> Any:
    return nullcontext()


def sdk_environ(url: str, **more: str) -> dict[str, str]:
    """For a worker of the stock SDK that starts quickly and pings every second."""
    quick = {
        "RUNPOD_PING_INTERVAL": "1000",
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
        "RUNPOD_LOG_LEVEL": "INFO",
    }
    return {**os.environ, **worker_environment(url, WORKER_KEY), **quick, **more}


@asynccontextmanager
async def workers_on_demand(
    served: Served, command: list[str], *, environ: dict[str, str] | None = None, **more: Any
) -> AsyncIterator[Supervisor]:
    """What they say is kept in `served.said`."""
    told = sdk_environ(served.url, **(environ or {}))
    more.setdefault("stop_grace_s", 5.0)
    async with Supervisor(served.plane, command, told, log=served.said.append, **more).running() as supervisor:
        yield supervisor


@asynccontextmanager
async def joined_worker(served: Served, worker_id: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker of the stock SDK that nobody supervises, as on another machine."""
    process = await asyncio.create_subprocess_exec(
        *SDK_WORKER,
        env=sdk_environ(served.url, RUNPOD_POD_ID=worker_id, **environ),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def server_process(
    folder: Path, *, max_workers: int = 0
) -> AsyncIterator[tuple[httpx2.AsyncClient, asyncio.subprocess.Process]]:
    """A plane in a process of its own, to be killed, with workers that come on demand."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_SERVER),
        str(folder),
        str(max_workers),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        async with _plain_client(base_url=url, timeout=20) as http:
            yield http, process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
