"""The queue behind the proxy: the plane of this process with its workers, or a RunPod endpoint."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from starlette.routing import BaseRoute, Mount

from apigpu_runtime.backend import Backend
from apigpu_runtime.callers import INTERNAL, WORKER, Caller, as_caller
from apigpu_runtime.endpoint.client import LOCAL, RunPodEndpoint, http_over
from apigpu_runtime.guard import guarded_client
from apigpu_runtime.plane.app import plane_app
from apigpu_runtime.plane.environment import worker_environment
from apigpu_runtime.plane.plane import Plane
from apigpu_runtime.plane.supervisor import Supervisor
from apigpu_runtime.serve.options import DataFolder, ServeOptions
from apigpu_runtime.settings import Settings

PLANE_PATH = f"/v2/{LOCAL}"
OnChange = Callable[[str], None]


async def _nobody_waits() -> None:
    """RunPod's workers stay where they are."""


@dataclass(frozen=True)
class Queue:
    """`announced` queues call the `on_change` that they were made with for every change of a job. `tokens` are
    those of workers that this process starts. After `leave` nobody is kept waiting for a job."""

    backend: Backend
    running: Callable[[], AbstractAsyncContextManager[None]]
    leave: Callable[[], Awaitable[None]] = _nobody_waits
    announced: bool = False
    routes: list[BaseRoute] = field(default_factory=list)
    tokens: dict[str, Caller] = field(default_factory=dict)


def local_queue(
    options: ServeOptions,
    settings: Settings,
    folder: DataFolder,
    *,
    address: str,
    on_change: OnChange,
) -> Queue:
    """The plane of this process. `address` is where its own workers find it."""
    plane = Plane(
        folder.plane,
        on_change=on_change,
        http=lambda: guarded_client(hosts=settings.webhook_hosts, setting="APIGPU_WEBHOOK_HOSTS"),
    )
    app = plane_app(plane)
    backend = RunPodEndpoint.at_plane(http_over(as_caller(app, INTERNAL)), max_workers=options.max_workers)
    token = secrets.token_urlsafe(32)
    environ = {
        **settings.environ,
        **worker_environment(f"{address}{PLANE_PATH}", token),
        "APIGPU_DATA_DIR": str(folder.path),
        "APIGPU_TRUSTED_URLS": ",".join(settings.trusted_urls),
    }
    supervisor = Supervisor(
        plane,
        [sys.executable, "-m", "apigpu_runtime.cli", "worker"],
        environ,
        max_workers=options.max_workers,
        idle_timeout_s=settings.idle_timeout_s,
    )

    working = AsyncExitStack()

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with plane.running(), working:
            await working.enter_async_context(supervisor.running())
            yield

    mounted: list[BaseRoute] = [Mount(PLANE_PATH, app)]
    own_workers = Caller("a worker of this machine", frozenset({WORKER}))
    return Queue(backend, running, leave=working.aclose, announced=True, routes=mounted, tokens={token: own_workers})


def runpod_queue(endpoint_id: str, settings: Settings) -> Queue:
    """RunPod's endpoint of that id. Raises InputError where the id or the key cannot be one."""
    http = httpx2.AsyncClient()
    backend = RunPodEndpoint.at_runpod(http, endpoint_id, settings)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with http:
            yield

    return Queue(backend, running)
