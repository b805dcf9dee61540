"""An ASGI app on a socket until a signal ends it."""

from __future__ import annotations

import gc
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from apigpu.errors import SetupError

_GRACE_S = 5


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes any that is free. Raises SetupError where it cannot be had."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, number)
    except OSError as error:
        raise _unusable(host, port, error) from error
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise _unusable(host, port, error) from error
    return bound


def address_of(bound: socket.socket) -> str:
    """`http://host:port` for clients on this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve_until_stopped(
    app: ASGIApp, bound: socket.socket, *, on_ready: Callable[[], None], on_stop: Callable[[], Awaitable[None]]
) -> None:
    """Serve; SIGINT and SIGTERM end it. `on_stop` is awaited while requests are still answered; those that are open
    afterwards get a few seconds."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
        h11_max_incomplete_event_size=64 << 10,
    )
    # uvicorn raises the signal again when all is tidied up: being stopped is how a server ends.
    with suppress(KeyboardInterrupt):
        _Server(config, on_ready, on_stop).run(sockets=[bound])


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], on_stop: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _settle_memory()
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._on_stop()
        await super().shutdown(sockets)


def _settle_memory() -> None:
    """What was made at the start stays to the end, so that the collector need not look through it again and again:
    that took an eighth of a request's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _unusable(host: str, port: int, error: OSError) -> SetupError:
    return SetupError(
        f"cannot listen on {host}:{port}: {error.strerror}.",
        code="address_unusable",
        where="port",
        remedy="Name another with --port, or --host.",
    )
