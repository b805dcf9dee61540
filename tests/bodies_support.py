"""A small server around the reader of bodies: it answers with what was read, or with the problem."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apigpu.errors import InputError
from apigpu.registry import Registry
from apigpu_runtime.job import Signed
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.bodies.receiving import PACE, Pace
from apigpu_runtime.proxy.refusals import Refusal
from apigpu_runtime.storage import Stored, check_key

STORE = "https://store.example/"


@dataclass
class MemoryStorage:
    """A store in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    async def put_file(self, key: str, path: Path, content_type: str) -> Stored:
        raise NotImplementedError

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], content_type: str, *, max_bytes: int
    ) -> Stored:
        content = b""
        async for chunk in chunks:
            content += chunk
            if len(content) > max_bytes:
                raise InputError("it is too large.", code="too_large")
        self.objects[check_key(key)] = content
        self.types[key] = content_type
        return Stored(key, len(content), content_type)

    async def read(self, key: str, *, max_bytes: int) -> bytes | None:
        return self.objects.get(key)

    async def head(self, key: str) -> Stored | None:
        return Stored(key, len(self.objects[key])) if key in self.objects else None

    async def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def signed(self, method: str, key: str, *, expires_s: int, content_type: str = "", filename: str = "") -> Signed:
        headers = {"Content-Type": content_type} if content_type else {}
        return Signed(method=method, url=f"{STORE}{key}?signature=secret", headers=headers)  # type: ignore[arg-type]


def problem(request: Request, error: Exception) -> Response:
    """What the proxy answers, in short."""
    assert isinstance(error, InputError)
    status = error.status if isinstance(error, Refusal) else 422
    headers = error.headers if isinstance(error, Refusal) else {}
    faults = [{"path": item.where, "message": item.message, "remedy": item.remedy} for item in error.faults]
    return JSONResponse({"code": error.code, "message": str(error), "errors": faults}, status, headers)


def body_app(
    registry: Registry,
    *,
    storage: MemoryStorage | None = None,
    submitted: list[Any] | None = None,
    max_json_bytes: int = 1 << 20,
    max_upload_bytes: int = 8 << 20,
    pace: Pace = PACE,
) -> Starlette:
    """`POST /video/{operation}` and `/video/pipeline` that submit to a list."""
    keeper = Keeper(storage=storage, max_bytes=max_upload_bytes)
    reader = BodyReader(registry=registry, keeper=keeper, max_json_bytes=max_json_bytes, pace=pace)
    accepted: list[Any] = [] if submitted is None else submitted

    async def take(request: Request) -> Response:
        name = request.path_params["operation"]
        document = await reader.read(request, None if name == "pipeline" else registry.get(name))
        accepted.append(document)
        return JSONResponse(document)

    return Starlette(
        routes=[Route("/video/{operation}", take, methods=["POST"])], exception_handlers={InputError: problem}
    )
