"""The one door to the network for media: an http(s) URL streamed into a file, with limits.

What broke off is tried again, and goes on where it stopped if the server has the same file still.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from apigpu.errors import InputError
from apigpu_runtime.guard import guarded_client
from apigpu_runtime.retries import PASSING_STATUS, TryAgain, asked_wait_s, retried
from apigpu_runtime.settings import Settings
from apigpu_runtime.share_links import page_remedy

MAX_REDIRECTS = 5
_STALL_S = 30.0
_CONNECT_S = 10.0
# Ten seconds: a proxy that was started anew serves its uploads again by then.
_ATTEMPTS = 6
_ATTEMPTS_AT_HAND = 3
"""Where somebody sits and waits, who may have mistyped the address."""
_WEB_PAGE = (b"<!doctype html", b"<html")
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)")
# Of the rest, such as a URL without a host, no second try makes anything better.
_BROKEN = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)


async def download_to(path: Path, url: str, *, settings: Settings, written: str = "") -> None:
    """Save what a URL gives; messages name it as it was `written`. Raises InputError; then nothing is left."""
    download = _Download(_partial(path), url, written or url, settings.max_download_bytes)
    try:
        async with asyncio.timeout(settings.fetch_timeout_s), _client(settings) as client:
            attempts = _ATTEMPTS if settings.guarded else _ATTEMPTS_AT_HAND
            await retried(lambda: download.attempt(client), attempts=attempts)
        _partial(path).replace(path)
    except TimeoutError:
        raise download.failure(
            f"was not downloaded within {settings.fetch_timeout_s:g} seconds", "Download it first."
        ) from None
    finally:
        # A download that ended well has been renamed by now.
        with suppress(FileNotFoundError):
            _partial(path).unlink()


def _client(settings: Settings) -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(_STALL_S, connect=_CONNECT_S)
    if settings.guarded:
        return guarded_client(
            trusted_urls=settings.trusted_urls, timeout=timeout, follow_redirects=True, max_redirects=MAX_REDIRECTS
        )
    return httpx2.AsyncClient(follow_redirects=True, max_redirects=MAX_REDIRECTS, timeout=timeout)


class _Download:
    """One file on its way, through several attempts."""

    def __init__(self, path: Path, url: str, written: str, max_bytes: int) -> None:
        self._path = path
        self._url = url
        self._written = written
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._version = ""
        """What If-Range asks for: the ETag or the date of what has arrived so far."""

    async def attempt(self, client: httpx2.AsyncClient) -> None:
        """Raises InputError, or TryAgain where another attempt may end better."""
        # Media are compressed already, and what is not sent compressed cannot unfold into terabytes.
        headers = {"Accept-Encoding": "identity", "User-Agent": "apigpu"}
        if self._size_bytes and self._version:
            headers |= {"Range": f"bytes={self._size_bytes}-", "If-Range": self._version}
        try:
            async with client.stream("GET", self._url, headers=headers) as response:
                self._check(response)
                await self._save(response)
        except httpx2.TooManyRedirects:
            raise self.failure(
                f"leads through more than {MAX_REDIRECTS} redirects", "Use the address that they end at."
            ) from None
        except httpx2.ReadTimeout:
            raise TryAgain(
                self.failure(f"gave nothing for {_STALL_S:g} seconds", "Try again later, or download it first.")
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            failure = self.failure(f"could not be downloaded ({_told(error)})", "Check the address.")
            raise (TryAgain(failure) if isinstance(error, _BROKEN) else failure) from None

    def failure(self, what: str, remedy: str) -> InputError:
        """With the address, but without its query and login, which may be secret."""
        return InputError(f"{_shown(self._written)} {what}.", code="download_failed", remedy=remedy)

    def _check(self, response: httpx2.Response) -> None:
        """Make ready for the answer's body; raises where there is none to be had."""
        status = response.status_code
        if status == 206 and self._goes_on(response):
            return
        goes_wrong = status in {206, 416} and self._size_bytes > 0
        self._size_bytes = 0
        if status != 200:
            failure = self.failure(f"was answered with {status} {response.reason_phrase}".strip(), _remedy(status))
            if goes_wrong or status in PASSING_STATUS:
                raise TryAgain(failure, after_s=asked_wait_s(response))
            raise failure
        tag = response.headers.get("ETag", "")
        self._version = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self.failure("is sent compressed", "Serve it without Content-Encoding.")
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and len(length) < 20 and int(length) > self._max_bytes:
            raise self._too_large()

    def _goes_on(self, response: httpx2.Response) -> bool:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        return self._size_bytes > 0 and found is not None and int(found[1]) == self._size_bytes

    async def _save(self, response: httpx2.Response) -> None:
        with self._path.open("ab" if self._size_bytes else "wb") as file:
            async for chunk in response.aiter_raw():
                if self._size_bytes == 0 and _is_web_page(chunk):
                    raise self.failure("gives a web page, not a media file", page_remedy(self._written))
                if self._size_bytes + len(chunk) > self._max_bytes:
                    raise self._too_large()
                file.write(chunk)
                self._size_bytes += len(chunk)
        if self._size_bytes == 0:
            raise self.failure("gives an empty file", "Check the address.")

    def _too_large(self) -> InputError:
        return self.failure(f"is larger than {self._max_bytes} bytes", "Send a smaller file.")


def _is_web_page(start: bytes) -> bool:
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower().startswith(_WEB_PAGE)


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _remedy(status: int) -> str:
    if status in {401, 403}:
        return "It may need a login, or a signed link that has run out."
    return "Check the address." if status in {404, 410} else "Try again later."


def _told(error: Exception) -> str:
    """The error's own words, unless they repeat the address."""
    text = str(error)
    return text if text and "?" not in text and "://" not in text else type(error).__name__


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "the address"
