"""A small application behind the middleware that asks for keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from apigpu_runtime.callers import INTERNAL, caller_of
from apigpu_runtime.proxy.access.authenticate import Authenticate
from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.access.sessions import session_routes
from apigpu_runtime.proxy.problems import error_handlers

HERE = "http://127.0.0.1:8000"
TOKEN = "token-of-this-process"
SESSION_SECRET = b"a secret of the server"


@dataclass
class Clock:
    now_s: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


async def who(request: Request) -> JSONResponse:
    caller = caller_of(request)
    return JSONResponse({"name": caller.name, "key_id": caller.key_id, "scopes": sorted(caller.scopes)})


def application(keys: KeyStore, clock: Clock, *, loopback_only: bool = True) -> Authenticate:
    paths = ["/", "/jobs", "/health", "/login", "/static/x.js", "/files/x.mp4", "/docs", "/openapi.json", "/metrics"]
    routes = [Route(path, who, methods=["GET"]) for path in paths]
    routes += [Route(path, who, methods=["POST"]) for path in ("/video/caption", "/v2/local/run")]
    routes += session_routes(keys, SESSION_SECRET, now=clock)
    return Authenticate(
        Starlette(routes=routes, exception_handlers=dict(error_handlers)),
        keys,
        loopback_only=loopback_only,
        session_secret=SESSION_SECRET,
        internal_tokens={TOKEN: INTERNAL},
        now=clock,
    )


@dataclass
class Edge:
    """A client of the application, its keys, and its clock."""

    client: httpx2.AsyncClient
    keys: KeyStore
    clock: Clock

    async def get(self, path: str = "/jobs", **headers: str) -> httpx2.Response:
        return await self.client.get(path, headers=_named(headers))

    async def post(self, path: str = "/video/caption", *, data: Any = None, **headers: str) -> httpx2.Response:
        return await self.client.post(path, data=data, headers=_named(headers))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def edge(
    folder: Path, *, peer: str = "127.0.0.1", url: str = HERE, loopback_only: bool = True
) -> AsyncIterator[Edge]:
    """The application as somebody at the address `peer` sees it."""
    clock = Clock()
    with closing(KeyStore(folder / "keys", now=clock)) as keys:
        app = application(keys, clock, loopback_only=loopback_only)
        transport = httpx2.ASGITransport(app, client=(peer, 40000))
        async with httpx2.AsyncClient(transport=transport, base_url=url, headers={"Accept": "*/*"}) as client:
            yield Edge(client, keys, clock)
