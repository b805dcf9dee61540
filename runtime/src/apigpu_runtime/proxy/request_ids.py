"""A name for each request, in its answer, its job and every line of the log."""

from __future__ import annotations

import random
import re

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
_RAW_HEADER = HEADER.lower().encode()
_KEY = "apigpu.request_id"
_SANE = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")


class RequestIds:
    """Takes the caller's id if it is a sane one, and else makes one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _SANE.fullmatch(given) else f"{random.getrandbits(64):016x}"
        # In place: the server's last resort, outside of this middleware, must find it too.
        scope[_KEY] = request_id

        header = (_RAW_HEADER, request_id.encode())

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        tokens = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, named)
        finally:
            structlog.contextvars.reset_contextvars(**tokens)


def request_id_of(scope: Scope) -> str:
    """Empty where the middleware is not there."""
    found = scope.get(_KEY, "")
    assert isinstance(found, str)
    return found
