"""The log: one line for each thing that happens, on stderr, for a person at a terminal or as JSON for machines.

Whatever libraries say through `logging` comes out the same way. No key, signature or query of a URL gets through.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import EventDict, Processor, WrappedLogger

from apigpu_runtime.callers import NOBODY, WORKER, Caller
from apigpu_runtime.proxy.observing.metrics import route_pattern
from apigpu_runtime.proxy.observing.redaction import redacted

Form = Literal["auto", "console", "json"]

_QUIET = ("httpx2", "httpcore2", "httpx", "httpcore", "asyncio", "multipart", "python_multipart", "uvicorn.error")
"""Libraries that tell of each request, with its URL, or of themselves: only their warnings count."""
_LOOKED_AT = frozenset({"/health", "/metrics"})
_DEPTH = 6
_FIRST = ("timestamp", "level", "event")

_log = structlog.get_logger("apigpu.access")


def configure_logs(form: Form = "auto", *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Make this process log so. `auto`: for people where stderr is a terminal, else JSON."""
    target = stream or sys.stderr
    is_console = form == "console" or (form == "auto" and target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _through_one_handler(shared, _renderer(target) if is_console else _JSON, target, level)


def redact(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """A processor: the event without secrets, at any depth; when and what stand first."""
    order = [*(key for key in _FIRST if key in event), *(key for key in event if key not in _FIRST)]
    return {key: _redacted(event[key], _DEPTH) for key in order}


class AccessLog:
    """ASGI middleware: one line for each request, when its answer has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun_s, size = 0, time.perf_counter(), 0

        async def seen(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            _tell(scope, status, size, time.perf_counter() - begun_s)


def _tell(scope: Scope, status: int, size: int, duration_s: float) -> None:
    caller: Caller = scope.get("apigpu.caller", NOBODY)
    client = scope.get("client")
    facts: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["path"],
        "route": route_pattern(scope),
        "status": status,
        "duration_ms": round(duration_s * 1000, 1),
        "bytes": size,
        "client": client[0] if client else "",
        "caller": caller.name,
    }
    if caller.key_id:
        facts["key_id"] = caller.key_id
    if request_id := scope.get("apigpu.request_id"):
        facts["request_id"] = request_id
    _log.log(_level(scope["path"], status, caller), "request", **facts)


def _level(path: str, status: int, caller: Caller) -> int:
    """Workers ask for jobs and report all the time, and monitors look: these lines are for who looks for a fault."""
    if status >= 500 or status == 0:
        return logging.WARNING
    is_routine = caller.scopes == {WORKER} or path in _LOOKED_AT or path.startswith("/static/")
    return logging.DEBUG if is_routine and status < 400 else logging.INFO


_JSON = structlog.processors.JSONRenderer()


def _renderer(target: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _through_one_handler(shared: list[Processor], renderer: Processor, target: TextIO, level: int) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
    logging.getLogger("uvicorn.access").disabled = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _redacted(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if depth == 0 or isinstance(value, int | float | bool | None):
        return value
    if isinstance(value, Mapping):
        return {key: _redacted(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, depth - 1) for item in value]
    return redacted(str(value))
