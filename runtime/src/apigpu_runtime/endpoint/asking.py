"""Requests to an API that speaks JSON: with timeouts, bounded answers, and tries again where that is safe."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, TypeVar

import httpx2
import stamina

from apigpu_runtime.backend import BackendError
from apigpu_runtime.endpoint.answers import OddAnswer
from apigpu_runtime.endpoint.refusals import Peer, odd_answer, refusal

MAX_ANSWER_BYTES = 32 * 1024**2
TRIES = 4
_TIMEOUT = httpx2.Timeout(connect=5, read=30, write=30, pool=5)
_ALL_TRIES_S = 90.0
_LONGEST_WAIT_S = 10.0
"""A peer that asks for more patience is left to the caller, who has other things to do meanwhile."""
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_NOT_DONE = frozenset({"endpoint_unreachable", "endpoint_rate_limited"})
"""Codes of failures after which the request has certainly had no effect."""

Value = TypeVar("Value")


class Asker:
    """One API at `url`. The key goes nowhere else: redirects are not followed."""

    def __init__(self, http: httpx2.AsyncClient, url: str, *, peer: Peer, api_key: str = "") -> None:
        self.peer = peer
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    async def ask(
        self,
        method: str,
        path: str,
        read: Callable[[Any], Value],
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        tries: int = TRIES,
    ) -> Value:
        """What `read` makes of the answer.

        A request that is not `repeatable` is only sent again where it has certainly had no effect.
        Raises BackendError.
        """

        def wait(error: Exception) -> bool | float:
            if not isinstance(error, BackendError) or not error.retryable:
                return False
            if not repeatable and error.code not in _NOT_DONE:
                return False
            if error.retry_after_s is None:
                return True
            return error.retry_after_s if error.retry_after_s <= _LONGEST_WAIT_S else False

        async for attempt in stamina.retry_context(
            on=wait, attempts=tries, timeout=_ALL_TRIES_S, wait_initial=0.5, wait_max=5, wait_jitter=0.5
        ):
            with attempt:
                return self._read(await self._send(method, path, body, headers or {}), read)
        raise AssertionError("the last attempt returns or raises")

    async def lines(self, path: str, *, most: int) -> AsyncGenerator[str, None]:
        """The first lines of an answer that may have no end, as they come. Raises BackendError."""
        try:
            async with self._http.stream(
                "GET",
                self._url + path,
                headers=self._headers | {"Accept": "text/event-stream"},
                timeout=_TIMEOUT,
                follow_redirects=False,
            ) as response:
                if not response.is_success:
                    raise refusal(await self._whole(response), self.peer)
                async for line in response.aiter_lines():
                    yield line
                    most -= 1
                    if most <= 0:
                        return
        except httpx2.HTTPError as error:
            raise self._broken_off(error) from None

    async def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        try:
            async with self._http.stream(
                method,
                self._url + path,
                content=body or None,
                headers=self._headers | dict(headers),
                timeout=_TIMEOUT,
                follow_redirects=False,
            ) as response:
                return await self._whole(response)
        except _NOT_SENT:
            raise BackendError(
                f"{self.peer.name} cannot be reached.",
                code="endpoint_unreachable",
                remedy="Check this machine's connection.",
                retryable=True,
            ) from None
        except httpx2.HTTPError as error:
            raise self._broken_off(error) from None

    def _broken_off(self, error: httpx2.HTTPError) -> BackendError:
        return BackendError(
            f"{self.peer.name} broke off before its answer was whole ({type(error).__name__}).",
            code="endpoint_no_answer",
            retryable=True,
        )

    async def _whole(self, response: httpx2.Response) -> httpx2.Response:
        """The answer with its body, which a broken peer could send for ever."""
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise odd_answer(self.peer, f"answers with more than {MAX_ANSWER_BYTES >> 20} MiB")
        headers = {name: value for name, value in response.headers.items() if name != "content-encoding"}
        return httpx2.Response(response.status_code, headers=headers, content=b"".join(chunks))

    def _read(self, response: httpx2.Response, read: Callable[[Any], Value]) -> Value:
        if not response.is_success:
            raise refusal(response, self.peer)
        try:
            return read(json.loads(response.content))
        except OddAnswer as error:
            raise odd_answer(self.peer, f"did not answer with {error}") from None
        except (ValueError, RecursionError):
            raise odd_answer(self.peer, "did not answer with JSON") from None
