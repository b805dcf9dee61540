"""Scripts and styles: read once, sent compressed, kept by browsers for as long as their address stands."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent."""

    content: bytes
    content_type: str

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:20]}"'

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.content, 6, mtime=0)


@cache
def static_files() -> Mapping[str, StaticFile]:
    """All files by their path below `static`."""
    root = files("apigpu_runtime.playground").joinpath("static")
    return dict(_walk(root, ""))


@cache
def static_digest() -> str:
    """Changes whenever a file does; it stands in the address of each, so that no browser mixes releases."""
    found = hashlib.sha256()
    for path, file in sorted(static_files().items()):
        found.update(path.encode() + file.etag.encode())
    return found.hexdigest()[:12]


async def send_static(request: Request) -> Response:
    """`/static/{digest}/{path:path}`."""
    file = static_files().get(request.path_params["path"])
    if file is None:
        return Response("There is no such file.\n", 404, media_type="text/plain")
    is_current = request.path_params["digest"] == static_digest()
    headers = {
        "ETag": file.etag,
        "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = file.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = file.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=file.content_type)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, StaticFile]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif kind := _TYPES.get(entry.name.rpartition(".")[2]):
            yield f"{prefix}{entry.name}", StaticFile(entry.read_bytes(), kind)
