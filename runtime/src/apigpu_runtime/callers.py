"""Who makes a request: put into the ASGI scope by the one middleware that checks keys, read by everybody else."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

CLIENT = "client"
WORKER = "worker"


@dataclass(frozen=True)
class Caller:
    """A caller and what it may do. `key_id` is empty where no key was needed, on loopback."""

    name: str
    scopes: frozenset[str]
    key_id: str = ""


NOBODY = Caller("nobody", frozenset())
INTERNAL = Caller("apigpu", frozenset({CLIENT, WORKER}))
"""apigpu itself, calling a part of its own in the same process."""


def caller_of(connection: HTTPConnection) -> Caller:
    """Who calls. Somebody who never passed the middleware is nobody."""
    caller = connection.scope.get("apigpu.caller", NOBODY)
    assert isinstance(caller, Caller)
    return caller


def as_caller(app: ASGIApp, caller: Caller) -> ASGIApp:
    """`app` as that caller sees it."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "apigpu.caller": caller}, receive, send)

    return called
