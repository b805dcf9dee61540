"""Just enough of a file to probe it: small ones whole, large ones their head and tail in a sparse file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn
from urllib.parse import urlsplit

import httpx2

from apigpu.errors import InputError
from apigpu.media.fields import MediaKind

_MIB = 1 << 20
_RANGE = re.compile(r"bytes \d+-\d+/(\d+)")


@dataclass(frozen=True, kw_only=True)
class Portion:
    """How much is fetched of a file: all of it up to `whole_bytes`, else this much of both ends."""

    whole_bytes: int
    head_bytes: int = 0
    tail_bytes: int = 0
    most_tail_bytes: int = 0
    """Where an MP4's index stands behind the media, and its place is known."""


PORTIONS = {
    MediaKind.VIDEO: Portion(
        whole_bytes=16 * _MIB, head_bytes=4 * _MIB, tail_bytes=4 * _MIB, most_tail_bytes=48 * _MIB
    ),
    MediaKind.AUDIO: Portion(
        whole_bytes=48 * _MIB, head_bytes=4 * _MIB, tail_bytes=4 * _MIB, most_tail_bytes=48 * _MIB
    ),
    MediaKind.IMAGE: Portion(whole_bytes=64 * _MIB),
    MediaKind.SUBTITLE: Portion(whole_bytes=8 * _MIB),
}
MAX_BYTES = 64 * _MIB
"""Nothing more is fetched of any one file."""


async def peek(client: httpx2.AsyncClient, url: str, path: Path, portion: Portion) -> bool:
    """Lay down at `path` what a probe needs of the file; whether that is all of it. Raises InputError."""
    try:
        with path.open("wb") as file:
            return await _peek(client, url, file, portion)
    except InputError:
        raise
    except httpx2.TooManyRedirects:
        _fail(url, "leads through too many redirects")
    except httpx2.TimeoutException:
        _fail(url, "does not answer in time")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        _fail(url, f"could not be fetched ({type(error).__name__})")


async def _peek(client: httpx2.AsyncClient, url: str, file: BinaryIO, portion: Portion) -> bool:
    first = portion.head_bytes or portion.whole_bytes
    async with _opened(client, url, 0, first) as response:
        total = _total(response)
        has_ranges = response.status_code == 206
        # A server without ranges sends all of it, of which a small file is kept whole.
        wanted = first if has_ranges and total is not None else portion.whole_bytes
        size = await _save(response, file, wanted)
    if size == 0:
        _fail(url, "gives an empty file", code="empty_file")
    if total is None:
        if size >= portion.whole_bytes:
            _fail(url, "does not tell its size, and is large", code="cannot_peek")
        return True
    if size >= total:
        return True
    if not portion.head_bytes:
        _fail(url, f"has {total} bytes, which is more than {portion.whole_bytes}", code="too_large")
    if has_ranges:
        await _rest(client, url, file, portion, total)
    file.truncate(total)
    return has_ranges and total <= portion.whole_bytes


async def _rest(client: httpx2.AsyncClient, url: str, file: BinaryIO, portion: Portion, total: int) -> None:
    start = portion.head_bytes
    if total > portion.whole_bytes:
        start = max(start, total - portion.tail_bytes)
        index_at = _index_at(file)
        if index_at is not None and total - portion.most_tail_bytes <= index_at < start:
            start = max(portion.head_bytes, index_at)
    async with _opened(client, url, start, total - start) as response:
        if response.status_code != 206:
            _fail(url, "answers differently each time")
        file.seek(start)
        await _save(response, file, total - start)


@asynccontextmanager
async def _opened(client: httpx2.AsyncClient, url: str, start: int, length: int) -> AsyncIterator[httpx2.Response]:
    headers = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code not in {200, 206}:
            _fail(url, f"was answered with {response.status_code} {response.reason_phrase}".strip())
        yield response


def _total(response: httpx2.Response) -> int | None:
    """Size of the whole file, where the answer tells it."""
    if response.status_code == 206:
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        return int(found[1]) if found else None
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None


async def _save(response: httpx2.Response, file: BinaryIO, max_bytes: int) -> int:
    """The first bytes of the answer; how many there were."""
    size = 0
    async for chunk in response.aiter_raw():
        kept = chunk[: max_bytes - size]
        file.write(kept)
        size += len(kept)
        if size >= max_bytes:
            break
    file.flush()
    return size


def _index_at(file: BinaryIO) -> int | None:
    """Where an MP4 goes on behind its media, if its head tells."""
    at = 0
    with Path(file.name).open("rb") as written:
        for _ in range(64):
            written.seek(at)
            head = written.read(16)
            if len(head) < 16 or not head[4:8].isalnum():
                return None
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                return None
            at += length
            if head[4:8] == b"mdat":
                return at
    return None


def _fail(url: str, what: str, *, code: str = "download_failed") -> NoReturn:
    """Without the query and the login, which may be secret."""
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    raise InputError(f"{shown} {what}.", code=code, remedy="Check the address, or send `facts` instead.") from None
