"""Asking a server by long polls, again and again, with patience where it fails."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

_TIMEOUT_S = 90.0
_BUSY_S = 5.0
_QUICK_S = 0.25
"""A server that has nothing and does not hold the poll is asked no more than so often."""
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0


class Busy(Exception):
    """The server asks for patience."""


class Poll(Generic[Item]):
    """One question, asked for ever. Each problem is told once, as `it_means`, and its end too."""

    def __init__(self, log: Callable[[str, str], None], it_means: str) -> None:
        self._log = log
        self._it_means = it_means
        self._problem = ""
        self._pause_s = _FIRST_PAUSE_S

    async def answer(self, ask: Callable[[], Awaitable[list[Item]]]) -> list[Item]:
        """What one poll brings; nothing after a fruitless or failed one, once it is time to ask again."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                items = await ask()
        except TimeoutError:
            return []
        except Busy:
            await asyncio.sleep(_BUSY_S)
            return []
        except Exception as error:
            self._tell(_problem(error))
            # Of random length, so that many workers do not come at once.
            await asyncio.sleep(random.uniform(self._pause_s / 2, self._pause_s))
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
            return []
        self._pause_s = _FIRST_PAUSE_S
        self._tell("")
        if not items and time.monotonic() - begun < _QUICK_S:
            await asyncio.sleep(_QUICK_S)
        return items

    def _tell(self, problem: str) -> None:
        before, self._problem = self._problem, problem
        if problem and problem != before:
            self._log("ERROR", f"{self._it_means}: {problem}. Trying on.")
        elif before and not problem:
            self._log("INFO", "The queue answers again.")


def _problem(error: Exception) -> str:
    """What a failed poll means. Not its own message, which may hold the address with its query."""
    match getattr(error, "status", None):
        case 401 | 403 as status:
            return f"the queue refuses this worker's key (HTTP {status})"
        case 404:
            return "there is no queue at the address (HTTP 404)"
        case int() as status:
            return f"the queue answers HTTP {status}"
    return f"the queue cannot be reached ({type(error).__name__})"
