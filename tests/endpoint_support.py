"""An endpoint that answers by a script over a real socket, and a strict double of what is read of RunPod's API v2."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

RATE_LIMIT = {
    "RateLimit": '"minute";r=59;t=60, "hour";r=2999;t=3600, "day";r=49999;t=86400',
    "RateLimit-Policy": '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400',
}
KEY = "rpa_TESTKEY"


@dataclass(frozen=True)
class Reply:
    """One answer, byte by byte: `length` lies about the body's, `hang` never sends it, `drop` hangs up at once."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    length: int | None = None
    hang: bool = False
    drop: bool = False

    def raw(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Scripted", "connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"content-length: {len(self.body) if self.length is None else self.length}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def reply_json(document: object, status: int = 200, **headers: str) -> Reply:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(document).encode(), {"content-type": "application/json", **more})


DROP = Reply(drop=True)
HANG = Reply(hang=True)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Scripted:
    """A server that gives the replies in turn, the last one for ever, and keeps what it was asked."""

    replies: list[Reply]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@asynccontextmanager
async def scripted(*replies: Reply) -> AsyncIterator[Scripted]:
    script = Scripted(list(replies))
    open_writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        try:
            script.asked.append(await _request(reader))
            reply = script.next()
            if reply.hang:
                await reader.read()  # until the client has had enough
            elif not reply.drop:
                writer.write(reply.raw())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            open_writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.close()
        for writer in list(open_writers):
            writer.close()
        await server.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    lowered = {name.lower(): value for name, value in headers.items()}
    return Asked(method, path, lowered, await reader.readexactly(int(lowered.get("content-length", 0))))


def described_endpoint(endpoint_id: str = "4m7x2k9q", **changes: Any) -> dict[str, Any]:
    """What RunPod says of a queue of workers with a GPU."""
    base = f"https://api.runpod.ai/v2/{endpoint_id}"
    urls = {"run": "run", "runSync": "runsync", "status": "status/{job_id}", "stream": "stream/{job_id}"}
    urls |= {"cancel": "cancel/{job_id}", "retry": "retry/{job_id}", "purgeQueue": "purge-queue", "health": "health"}
    return {
        "id": endpoint_id,
        "name": "films",
        "type": "QUEUE",
        "requestUrls": {name: f"{base}/{path}" for name, path in urls.items()},
        "image": "example/apigpu:0.2.0",
        "args": "",
        "disk": 20,
        "ports": [],
        "env": {},
        "registry": None,
        "gpu": {"pools": ["AMPERE_24"], "count": 1, "allowedCudaVersions": [], "minCudaVersion": "12.4"},
        "workers": {"min": 0, "max": 3, "idleTimeout": 60},
        "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4},
        "dataCenterIds": [],
        "networkVolumes": [],
        "timeout": 600000,
        "flashboot": "FLASHBOOT",
        "createdAt": "2026-11-01T12:00:00Z",
        **changes,
    }


def described_workers(*states: str) -> dict[str, Any]:
    """What RunPod says of workers in these states."""
    kinds = ("running", "idle", "initializing", "throttled", "unhealthy")
    summary = {kind: states.count(kind.upper()) for kind in kinds}
    workers = [
        {"id": f"worker_{number}", "status": state, "isStale": False, "gpuCount": 1, "version": 4}
        for number, state in enumerate(states)
    ]
    return {"workers": workers, "summary": {**summary, "total": len(states)}, "endpointVersion": 4}


def rest_double(
    endpoints: Sequence[Mapping[str, Any]],
    *,
    key: str = KEY,
    states: Sequence[str] = (),
    said: Sequence[str] = (),
) -> Starlette:
    """The reads of endpoints, workers and their logs, with RunPod's problems for a missing key, another account's and
    an unknown id. A log stays open behind what was `said`."""

    def guarded(answer: Callable[[Request, Mapping[str, Any]], Response]) -> Callable[[Request], Any]:
        async def checked(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not given.startswith("Bearer "):
                return problem(401, "Unauthorized", "missing bearer token")
            if given != f"Bearer {key}":
                return problem(403, "Forbidden", "access denied")
            found = next((item for item in endpoints if item["id"] == request.path_params["id"]), None)
            return answer(request, found) if found else problem(404, "Not Found", "resource not found")

        return checked

    def log(request: Request, endpoint: Mapping[str, Any]) -> Response:
        assert states[int(request.path_params["worker"].removeprefix("worker_"))] == "UNHEALTHY"
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(_spoken(said), media_type="text/event-stream", headers=headers)

    return Starlette(
        routes=[
            Route("/v2/serverless/{id}", guarded(lambda request, found: JSONResponse(found, headers=RATE_LIMIT))),
            Route(
                "/v2/serverless/{id}/workers",
                guarded(lambda request, found: JSONResponse(described_workers(*states))),
            ),
            Route("/v2/serverless/{id}/workers/{worker}/logs", guarded(log)),
        ]
    )


async def _spoken(said: Sequence[str]) -> AsyncIterator[str]:
    for number, line in enumerate(said):
        moment = f"2026-11-24T12:00:{number:02}Z"
        yield f"id: {moment}\ndata: {json.dumps({'ts': moment, 'source': 'container', 'line': line})}\n\n"
    await asyncio.sleep(60)  # until the client has had enough


def problem(status: int, title: str, detail: str) -> Response:
    return JSONResponse(
        {"title": title, "status": status, "detail": detail},
        status,
        headers=RATE_LIMIT if status != 401 else {},
        media_type="application/problem+json",
    )


def health_app(health: Callable[[], Mapping[str, Any]], asked: list[str]) -> Starlette:
    """An endpoint of which only `/health` answers."""

    async def tell(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse(health())

    return Starlette(routes=[Route("/v2/{id}/health", tell)])
