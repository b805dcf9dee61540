"""CPU of each layer between a request and its row, in one process and without a socket.

python bench/_proxy_layers.py REQUESTS
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import Message, Scope

from _proxy_server import BenchHouse, bare
from apigpu.operations import Operation
from apigpu_runtime.proxy.access.authenticate import Authenticate
from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.jobs.operation_routes import operation_routes
from apigpu_runtime.proxy.observing.logs import AccessLog, configure_logs
from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.proxy.request_ids import RequestIds
from apigpu_runtime.serve.options import DataFolder, ServeOptions
from apigpu_runtime.serve.routes import house_app
from apigpu_runtime.settings import Settings

BODY = json.dumps({"url_video": "https://example.com/talk.mp4", "url_srt": "https://example.com/talk.srt"}).encode()
AT_ONCE = 32
ADDRESS = "http://127.0.0.1:8000"
LAYERS = ("jobs and their route", "+ request ids", "+ bodies of strangers", "+ keys", "+ a line in the log")


async def main(requests: int) -> None:
    with TemporaryDirectory(prefix="apigpu-bench-") as name, open(os.devnull, "w") as nowhere:
        configure_logs("json", stream=nowhere)
        folder = Path(name)
        apps = {"a bare route": bare(folder / "bare")}
        apps |= {layer: layered(folder / str(depth), depth) for depth, layer in enumerate(LAYERS)}
        apps["all of apigpu serve"] = house_app(house(folder / "house"))
        found = {layer: await cpu_ms(app, requests) for layer, app in apps.items()}
    print(json.dumps(found))


def house(folder: Path) -> BenchHouse:
    data = DataFolder.made(folder)
    options = ServeOptions(data_dir=folder, max_workers=0)
    return BenchHouse(options, Settings(environ=dict(os.environ)), data, KeyStore(data.keys), ADDRESS)


def layered(folder: Path, depth: int) -> Starlette:
    """The route with so many of the layers around it."""
    server = house(folder)
    reader = BodyReader(registry=server.registry, keeper=Keeper(storage=server.storage, retention_s=3600))
    middleware = [Middleware(RequestIds)] if depth >= 1 else []
    middleware += [Middleware(AccessLog)] if depth >= 4 else []
    middleware += [Middleware(Authenticate, keys=server.keys, loopback_only=True)] if depth >= 3 else []
    routes = operation_routes(
        server.registry, server.jobs, reader.read if depth >= 2 else read_json, bodies_are_checked=depth >= 2
    )
    return Starlette(
        routes=routes, middleware=middleware, exception_handlers=error_handlers, lifespan=server.lifespan
    )


async def read_json(request: Request, operation: Operation | None) -> dict[str, Any]:
    return dict(json.loads(await request.body()))


async def cpu_ms(app: Starlette, requests: int) -> float:
    """The least of three measures: what others on the machine do only adds to it."""
    async with app.router.lifespan_context(app):
        await send(app, AT_ONCE)
        measures = []
        for _ in range(3):
            before_s = time.process_time()
            await asyncio.gather(*(send(app, requests // AT_ONCE) for _ in range(AT_ONCE)))
            measures.append(1000 * (time.process_time() - before_s) / (requests // AT_ONCE * AT_ONCE))
    return min(measures)


async def send(app: Starlette, count: int) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 202:
            raise RuntimeError(f"answered {message['status']}")

    for _ in range(count):
        await app(scope(), receive, told)


def scope() -> Scope:
    headers = {"host": ADDRESS.removeprefix("http://"), "content-type": "application/json"}
    headers |= {"prefer": "respond-async", "content-length": str(len(BODY))}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/video/caption",
        "raw_path": b"/video/caption",
        "query_string": b"",
        "root_path": "",
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        "client": ("127.0.0.1", 5555),
        "server": ("127.0.0.1", 8000),
    }


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
