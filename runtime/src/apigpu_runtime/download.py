"""The one door to the network: an http(s) URL streamed into a file, with limits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import httpx2

from apigpu.errors import InputError
from apigpu_runtime.settings import Settings

MAX_REDIRECTS = 5
_STALL_S = 30.0
_CONNECT_S = 10.0
_WEB_PAGE = (b"<!doctype html", b"<html")


async def download_to(path: Path, url: str, *, settings: Settings) -> None:
    """Save what a URL gives. Raises InputError; then nothing is left at `path`."""
    try:
        async with asyncio.timeout(settings.fetch_timeout_s):
            await _stream(path, url, settings.max_download_bytes)
    except TimeoutError:
        _fail(url, f"was not downloaded within {settings.fetch_timeout_s:g} seconds", "Download it first.")
    except httpx2.TooManyRedirects:
        _fail(url, f"leads through more than {MAX_REDIRECTS} redirects", "Use the address that they end at.")
    except httpx2.TimeoutException:
        _fail(url, f"gave nothing for {_STALL_S:g} seconds", "Try again later, or download it first.")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        _fail(url, f"could not be downloaded ({error or type(error).__name__})", "Check the address.")
    finally:
        # A download that ended well has been renamed by now.
        with suppress(FileNotFoundError):
            _partial(path).unlink()


async def _stream(path: Path, url: str, max_bytes: int) -> None:
    timeout = httpx2.Timeout(_STALL_S, connect=_CONNECT_S)
    async with (
        httpx2.AsyncClient(follow_redirects=True, max_redirects=MAX_REDIRECTS, timeout=timeout) as client,
        client.stream("GET", url) as response,
    ):
        if response.status_code != 200:
            reason = f"{response.status_code} {response.reason_phrase}".strip()
            _fail(url, f"was answered with {reason}", _remedy(response.status_code))
        await _save(response, _partial(path), url, max_bytes)
    _partial(path).replace(path)


async def _save(response: httpx2.Response, path: Path, url: str, max_bytes: int) -> None:
    size = 0
    with path.open("wb") as file:
        async for chunk in response.aiter_bytes():
            if size == 0 and chunk.lstrip()[:16].lower().startswith(_WEB_PAGE):
                _fail(url, "gives a web page, not a media file", "Use the direct link to the file.")
            size += len(chunk)
            if size > max_bytes:
                _fail(url, f"is larger than {max_bytes} bytes", "Send a smaller file.")
            file.write(chunk)
    if size == 0:
        _fail(url, "gives an empty file", "Check the address.")


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _remedy(status: int) -> str:
    if status in {401, 403}:
        return "It may need a login, or a signed link that has run out."
    return "Check the address." if status in {404, 410} else "Try again later."


def _fail(url: str, what: str, remedy: str) -> NoReturn:
    """Raise with the address, but without its query and login, which may be secret."""
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    raise InputError(f"{shown} {what}.", code="download_failed", remedy=remedy) from None
