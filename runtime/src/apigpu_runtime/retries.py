"""Doing again what failed for a reason that passes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from time import time
from typing import TypeVar

import httpx2
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from apigpu.errors import ApiGpuError

PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that mean: ask again later."""
_LONGEST_WAIT_S = 30.0

Outcome = TypeVar("Outcome")


class TryAgain(Exception):
    """It failed, and may not fail the next time. `error` is what is raised when there is no next time."""

    def __init__(self, error: ApiGpuError, *, after_s: float = 0.0) -> None:
        super().__init__(error.message)
        self.error = error
        self.after_s = after_s


async def retried(work: Callable[[], Awaitable[Outcome]], *, attempts: int = 4, wait_s: float = 0.3) -> Outcome:
    """What `work` gives, tried again while it raises TryAgain; the last one's error is raised."""
    try:
        async for attempt in stamina.retry_context(
            on=_wait, attempts=attempts, timeout=None, wait_initial=wait_s, wait_max=5.0, wait_jitter=wait_s
        ):
            with attempt:
                return await work()
    except TryAgain as last:
        raise last.error from None
    raise AssertionError("a retry that neither worked nor failed")


def asked_wait_s(response: httpx2.Response) -> float:
    """Seconds that Retry-After asks for, up to half a minute; 0 where it does not."""
    text = response.headers.get("Retry-After", "")
    try:
        wait = float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - time()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(wait, 0.0), _LONGEST_WAIT_S)


def _wait(error: Exception) -> bool | float:
    if not isinstance(error, TryAgain):
        return False
    return error.after_s or True


def _log(details: RetryDetails) -> None:
    logging.getLogger(__name__).info("trying again in %.1f s: %s", details.wait_for, details.caused_by)


# stamina's own write to standard output where structlog is installed, which belongs to the command's result.
set_on_retry_hooks([_log])
