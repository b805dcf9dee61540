"""What both halves of the plane's HTTP share: who may call, how bodies are read, how errors are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from apigpu_runtime.callers import caller_of
from apigpu_runtime.plane.waiting import Gone

_SPARE_BYTES = 1 << 20

Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


def answer(document: object, status: int = 200) -> Response:
    return Response(to_json(document), status, media_type="application/json")


def nothing() -> Response:
    return Response(status_code=204)


def only(scope: str, endpoint: Endpoint) -> Endpoint:
    """`endpoint` for callers with that scope; whatever it refuses is told as RunPod tells errors."""

    async def guarded(request: Request) -> Response:
        try:
            if scope not in caller_of(request).scopes:
                raise Refused(401, "unauthorized: this needs an API key of this service")
            return await endpoint(request)
        except Refused as refused:
            response = answer({"error": refused.message}, refused.status)
            if refused.retry_after_s is not None:
                response.headers["Retry-After"] = str(refused.retry_after_s)
            return response
        except ClientDisconnect:
            return Response(status_code=499)

    return guarded


async def read_body(request: Request, max_bytes: int) -> bytes | None:
    """The body, or None where it is longer.

    A little more than the limit is read and dropped, since many clients look for an answer only when they have sent
    everything; with more the connection is closed on them.
    """
    kept = bytearray()
    size = 0
    async for piece in request.stream():
        size += len(piece)
        kept += piece[: max(0, max_bytes - len(kept))]
        if size > 2 * max_bytes + _SPARE_BYTES:
            return None
    return None if size > max_bytes else bytes(kept)


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises ValueError."""
    document = from_json(body, allow_inf_nan=False)
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


@asynccontextmanager
async def hanging_up(request: Request) -> AsyncIterator[Gone]:
    """A future that is done when the caller hangs up. The body must have been read before."""
    gone: Gone = asyncio.get_running_loop().create_future()

    async def listen() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        if not gone.done():
            gone.set_result(None)

    task = asyncio.create_task(listen())
    try:
        yield gone
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
