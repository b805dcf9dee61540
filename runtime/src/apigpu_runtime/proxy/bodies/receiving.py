"""Reading what a client sends, with an end to its size and to its slowness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from apigpu_runtime.proxy.refusals import Refusal, malformed, too_large


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How slow a client may be: silent for `stall_s`, and after `grace_s` never below `least_bytes_per_s` on the
    whole."""

    stall_s: float = 30.0
    grace_s: float = 30.0
    least_bytes_per_s: float = 2048.0

    def patience_s(self, size: int, passed_s: float) -> float:
        """How long the next bytes may take after `size` bytes in `passed_s`."""
        return min(self.stall_s, self.grace_s + size / self.least_bytes_per_s - passed_s)


PACE = Pace()


async def received(
    request: Request, *, max_bytes: int, pace: Pace = PACE, remedy: str = ""
) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises Refusal: 413 beyond `max_bytes`, 408 for a client that is too slow, 400 for one
    that went away."""
    whole = _declared(request, max_bytes, remedy)
    clock = asyncio.get_running_loop().time
    begun, size = clock(), 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(pace.patience_s(size, clock() - begun)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _too_slow(size) from None
        except ClientDisconnect:
            raise _broken_off() from None
        size += len(chunk)
        if size > max_bytes:
            raise too_large(max_bytes, remedy=remedy)
        if chunk:
            yield chunk
        if size == whole:
            return


def _check_encoding(request: Request) -> None:
    """Compressed bodies are not unpacked: a small one could hold anything."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        raise Refusal(
            415,
            f"a body with Content-Encoding: {encoding[:40]} is not taken.",
            code="unsupported_media_type",
            remedy="Send it as it is.",
            headers={"Accept-Encoding": "identity"},
        )


async def read_whole(request: Request, *, max_bytes: int, pace: Pace = PACE, remedy: str = "") -> bytes:
    """A small body at once, by the same rules."""
    # By ASGI's own messages: `received` would put two generators between them and every JSON request.
    _declared(request, max_bytes, remedy)
    clock = asyncio.get_running_loop().time
    begun, body, goes_on = clock(), b"", True
    while goes_on:
        try:
            async with asyncio.timeout(pace.patience_s(len(body), clock() - begun)):
                message = await request.receive()
        except TimeoutError:
            raise _too_slow(len(body)) from None
        if message["type"] == "http.disconnect":
            raise _broken_off()
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise too_large(max_bytes, remedy=remedy)
        goes_on = message.get("more_body", False)
    return body


def _declared(request: Request, max_bytes: int, remedy: str) -> int:
    """The length that the body is said to have, -1 where nothing is said."""
    _check_encoding(request)
    declared = request.headers.get("content-length", "")
    whole = int(declared[:20]) if declared.isdecimal() else -1
    if whole > max_bytes:
        raise too_large(max_bytes, remedy=remedy)
    return whole


def _broken_off() -> Refusal:
    return malformed("the connection ended before the body did.", code="body_incomplete")


def _too_slow(size: int) -> Refusal:
    return Refusal(
        408,
        f"the body comes too slowly: {size} bytes so far.",
        code="body_too_slow",
        remedy="Send it again, or upload the file elsewhere and send its URL.",
        headers={"Connection": "close"},
    )
