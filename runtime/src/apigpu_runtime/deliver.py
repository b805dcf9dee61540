"""A worker's way to the store: presigned requests alone, so that it needs no key of the store's.

Doing it twice changes nothing, so what fails for a passing reason is done again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from apigpu_runtime.envelope import Result, read_result
from apigpu_runtime.guard import AddressRefused, guarded_client
from apigpu_runtime.job import Delivery, Signed
from apigpu_runtime.retries import PASSING_STATUS, TryAgain, asked_wait_s, retried
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage.errors import StorageError

MAX_ENVELOPE_BYTES = 1 << 20
_WHOLE_UPLOAD_S = 1800.0
_ENVELOPE_S = 60.0
# Half a minute: a proxy that takes the result is back by then, and a render is worth more than the wait.
_ATTEMPTS = 10
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_CHUNK_BYTES = 1 << 20
_EXPIRED = re.compile(rb"expired", re.IGNORECASE)


async def deliver_file(path: Path, delivery: Delivery, *, content_type: str, settings: Settings) -> None:
    """Put the file where the delivery says. It has arrived whole when this returns. Raises StorageError."""
    body = await asyncio.to_thread(_measured, path)
    await _deliver(body, delivery.put, delivery.head, content_type, settings)


async def deliver_envelope(result: Result, delivery: Delivery, *, settings: Settings) -> None:
    """Put the envelope beside the file: the proof that the job is done. Raises StorageError."""
    content = result.model_dump_json().encode()

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    body = _Body(len(content), hashlib.md5(content, usedforsecurity=False).digest(), chunks)
    await _deliver(body, delivery.envelope_put, None, "application/json", settings)


async def delivered_before(delivery: Delivery, *, settings: Settings) -> Result | None:
    """The result of the same job if it was done before.

    None too where it cannot be read: then it is done again. Raises StorageError, code `address_refused`, where the
    store's address is one that the guard refuses, before work is done in vain.
    """
    try:
        async with asyncio.timeout(_ENVELOPE_S), _client(settings) as client:
            answer = await _answer(client, delivery.envelope_get, headers=delivery.envelope_get.headers)
    except AddressRefused as error:
        raise _refused_address(error) from None
    except (TryAgain, TimeoutError):
        return None
    try:
        return read_result(json.loads(answer.content)) if answer.status == 200 else None
    except ValueError:
        return None


@dataclass(frozen=True)
class _Body:
    """What is sent, as often as it must be."""

    size_bytes: int
    md5: bytes
    chunks: Callable[[], AsyncIterator[bytes]]


def _measured(path: Path) -> _Body:
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        size_bytes = file.tell()

    async def chunks() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk

    return _Body(size_bytes, md5, chunks)


async def _deliver(body: _Body, put: Signed, head: Signed | None, content_type: str, settings: Settings) -> None:
    async def once() -> None:
        async with _client(settings) as client:
            tag = await _put(client, body, put, content_type)
            # Of a file encrypted by a key of the store's, or put together from parts, the tag is no digest.
            if tag != body.md5.hex() and head is not None:
                await _check_length(client, head, body.size_bytes)

    try:
        async with asyncio.timeout(_WHOLE_UPLOAD_S):
            await retried(once, attempts=_ATTEMPTS)
    except TimeoutError:
        raise _failed(f"took nothing whole within {_WHOLE_UPLOAD_S:g} seconds", retryable=True) from None
    except AddressRefused as error:
        raise _refused_address(error) from None


def _client(settings: Settings) -> httpx2.AsyncClient:
    return guarded_client(trusted_urls=settings.trusted_urls, timeout=_TIMEOUT)


async def _put(client: httpx2.AsyncClient, body: _Body, put: Signed, content_type: str) -> str:
    """The tag that the store gave it. Raises TryAgain, StorageError."""
    headers = {
        "Content-Type": content_type,
        **put.headers,
        "Content-Length": str(body.size_bytes),
        "Content-MD5": base64.b64encode(body.md5).decode(),
    }
    answer = await _answer(client, put, headers=headers, content=body.chunks())
    if answer.status not in {200, 201, 204}:
        raise _explained(answer)
    return answer.headers.get("ETag", "").strip('"')


async def _check_length(client: httpx2.AsyncClient, head: Signed, size_bytes: int) -> None:
    answer = await _answer(client, head, headers=head.headers)
    if answer.status != 200:
        raise _explained(answer)
    if answer.headers.get("Content-Length") != str(size_bytes):
        raise TryAgain(_failed("has not the whole file", retryable=True))


@dataclass(frozen=True)
class _Answer:
    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes
    asked_wait_s: float


async def _answer(
    client: httpx2.AsyncClient,
    request: Signed,
    *,
    headers: Mapping[str, str],
    content: AsyncIterator[bytes] | None = None,
) -> _Answer:
    """What the store says, up to the largest envelope. Raises TryAgain."""
    try:
        async with client.stream(
            request.method, request.url, headers={"Accept-Encoding": "identity", **headers}, content=content
        ) as response:
            told = bytearray()
            async for chunk in response.aiter_raw():
                told += chunk
                if len(told) > MAX_ENVELOPE_BYTES:
                    break
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        # Its text may hold the address.
        raise TryAgain(_failed(f"could not be reached ({type(error).__name__})", retryable=True)) from None
    return _Answer(
        response.status_code, response.reason_phrase, response.headers, bytes(told), asked_wait_s(response)
    )


def _explained(answer: _Answer) -> Exception:
    status, content = answer.status, answer.content
    answered = f"answered {status} {answer.reason}".strip()
    if status in PASSING_STATUS:
        return TryAgain(_failed(answered, retryable=True), after_s=answer.asked_wait_s)
    if status == 400 and (b"BadDigest" in content or b"bad_digest" in content):
        return TryAgain(_failed("got other bytes than were sent", retryable=True))
    if status == 413 or (status == 400 and b"EntityTooLarge" in content):
        return _failed("takes no file so large", code="too_large")
    if status in {401, 403}:
        return _denied(content)
    return _failed(answered)


def _denied(content: bytes) -> StorageError:
    if _EXPIRED.search(content):
        return StorageError(
            "the time to deliver the result in was over before it was delivered.",
            code="delivery_expired",
            remedy="Submit the job again; it waited too long for a worker, or took too long.",
            retryable=True,
        )
    return StorageError(
        "the store refuses the result.",
        code="delivery_refused",
        remedy="Check what the proxy's key of the store may do, and that the clocks of both are right.",
    )


def _failed(what: str, *, code: str = "delivery_failed", retryable: bool = False) -> StorageError:
    return StorageError(f"the store {what}.", code=code, retryable=retryable)


def _refused_address(error: AddressRefused) -> StorageError:
    return StorageError(
        f"the result cannot be delivered: {error.message}",
        code=error.code,
        remedy=f"{error.remedy.removesuffix('.')} on the worker. If it cannot be reached from there, give the server "
        "an address that can, with --public-url, or a store, with APIGPU_STORAGE.",
    )
