"""The files of a folder by HTTP, for whoever holds a signed address: no key is asked for."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from apigpu.errors import InputError
from apigpu_runtime.storage.errors import StorageError
from apigpu_runtime.storage.folder import FolderStorage
from apigpu_runtime.storage.rules import bad_digest, too_large

_STALL_S = 60.0
"""So long one piece may take, sent or received."""
_SLOWEST_BYTES_PER_S = 32 * 1024
_SAFE = {
    # Whatever is stored, no browser runs it as a page of this origin.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=300",
}


def file_routes(storage: FolderStorage, *, max_bytes: int) -> list[Route]:
    """GET and HEAD with ranges, and PUT up to `max_bytes`, of `/files/KEY?expires=&signature=`."""

    async def files(request: Request) -> Response:
        key = request.path_params["key"]
        refusal = storage.refusal(request.method, key, request.query_params)
        if refusal:
            return _problem(403, "signature_refused", f"{refusal} Ask for the job again to get a fresh one.")
        try:
            if request.method == "PUT":
                return await _take(storage, key, request, max_bytes)
            return await _give(storage, key, request.query_params.get("filename", ""))
        except InputError as error:
            return _problem(413 if error.code == "too_large" else 400, error.code, str(error))
        except StorageError as error:
            return _problem(507 if error.code == "storage_full" else 500, error.code, str(error))

    return [Route("/files/{key:path}", files, methods=["GET", "HEAD", "PUT"])]


async def _give(storage: FolderStorage, key: str, filename: str) -> Response:
    stored = await storage.head(key)
    if stored is None:
        return _problem(404, "file_not_found", "There is no such file. It may have been deleted after its time.")
    return _SteadyFile(
        storage.path_of(key),
        media_type=stored.content_type,
        headers=_SAFE | ({"ETag": f'"{stored.md5}"'} if stored.md5 else {}),
        filename=filename or key.rpartition("/")[2],
        content_disposition_type="attachment" if filename else "inline",
    )


class _SteadyFile(FileResponse):
    """A file that is not sent for ever to somebody who does not read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_STALL_S):
                await send(message)

        # The server then closes the connection, since the answer is not whole.
        with suppress(TimeoutError):
            await super().__call__(scope, receive, send_in_time)


async def _take(storage: FolderStorage, key: str, request: Request, max_bytes: int) -> Response:
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > max_bytes:
        raise too_large(max_bytes)
    md5 = _content_md5(request.headers.get("content-md5", ""))
    try:
        stored = await storage.receive(key, _in_time(request.stream()), max_bytes=max_bytes, md5=md5)
    except TimeoutError:
        return _problem(408, "too_slow", "The file was sent too slowly.")
    except ClientDisconnect:
        return _problem(400, "cut_short", "The file was not sent to its end.")
    return Response(status_code=200, headers={"ETag": f'"{stored.md5}"'})


async def _in_time(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same; raises TimeoutError where they stall, or trickle in."""
    began = time.monotonic()
    size_bytes = 0
    while True:
        async with asyncio.timeout(_STALL_S):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        size_bytes += len(chunk)
        if time.monotonic() - began > _STALL_S + size_bytes / _SLOWEST_BYTES_PER_S:
            raise TimeoutError
        yield chunk


def _content_md5(text: str) -> str:
    """As hexadecimal, empty for none. Raises InputError for what is no digest."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b"?"
    if len(digest) not in {0, 16}:
        raise bad_digest("the header Content-MD5 is not 16 bytes in Base64.")
    return digest.hex()


def _problem(status: int, code: str, message: str) -> Response:
    """As all problems of apigpu are told."""
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": message}
    return JSONResponse({**document, "message": message, "code": code}, status_code=status)
