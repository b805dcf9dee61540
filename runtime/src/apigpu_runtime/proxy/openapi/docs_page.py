"""`/docs`: the OpenAPI document as a page, with Swagger UI from this package, so that it works offline."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    # Its icons are pictures in the style sheet; a preview's answer is shown from memory.
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>apigpu: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css?{digest}">
</head>
<body>
<main id="docs"></main>
<noscript>This page needs JavaScript; <a href="openapi.json">openapi.json</a> does not.</noscript>
<script src="docs/swagger-ui-bundle.js?{digest}"></script>
<script src="docs/start.js?{digest}" data-document="openapi.json"></script>
</body>
</html>
"""


@dataclass(frozen=True)
class _File:
    content: bytes
    compressed: bytes
    media_type: str


def docs_routes() -> list[Route]:
    """`GET /docs` and what it loads."""

    async def page(request: Request) -> Response:
        return Response(_PAGE.format(digest=_digest()), headers=_HEADERS, media_type="text/html")

    async def part(request: Request) -> Response:
        file = _files().get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        headers["X-Content-Type-Options"] = "nosniff"
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(file.content, headers=headers, media_type=file.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, headers=headers, media_type=file.media_type)

    return [Route("/docs", page, methods=["GET"]), Route("/docs/{name}", part, methods=["GET"])]


@cache
def _files() -> Mapping[str, _File]:
    folder = files("apigpu_runtime.proxy").joinpath("static", "swagger")
    found = {name: (folder.joinpath(name).read_bytes(), kind) for name, kind in _TYPES.items()}
    return {name: _File(content, gzip.compress(content, 6, mtime=0), kind) for name, (content, kind) in found.items()}


@cache
def _digest() -> str:
    """In the address of each file, so that no browser mixes releases."""
    return sha256(b"".join(file.content for file in _files().values())).hexdigest()[:12]
