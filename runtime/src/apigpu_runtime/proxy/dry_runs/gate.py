"""A few at once, a few waiting, and the rest is told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apigpu_runtime.proxy.refusals import Refusal


class Gate:
    """Lets `at_once` in, has `waiting` wait, and gives everybody inside and outside `timeout_s` in all."""

    def __init__(self, what: str, *, at_once: int, waiting: int, timeout_s: float) -> None:
        self._what = what
        self._inside = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._count = 0
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Raises Refusal: 503 where too many wait, 504 where the time is over."""
        if self._count >= self._room:
            raise Refusal(
                503,
                f"too many {self._what}s are under way.",
                code="busy",
                remedy="Try again in a few seconds.",
                headers={"Retry-After": "2"},
            )
        self._count += 1
        try:
            async with asyncio.timeout(self._timeout_s) as limit, self._inside:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise Refusal(
                504,
                f"the {self._what} took longer than {self._timeout_s:g} seconds.",
                code="took_too_long",
                remedy="Send smaller media, or try again when the server has less to do.",
            ) from None
        finally:
            self._count -= 1
