"""When a delivery is tried again, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass

SLOW_S = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200)
"""Waits between tries: about 28 hours in all."""
QUICK_S = (2, 4, 8, 16, 30)
"""Waits after an answer that says "not yet" with n8n; the last one is repeated until `QUICK_FOR_S` is over."""
QUICK_FOR_S = 120
NOT_YET = frozenset({404, 409})
"""n8n answers 409 while the workflow has not reached its Wait node, 404 where the node awaits another method."""
_N8N_WAITS_AT = "/webhook-waiting/"
GONE = 410
"""The receiver wants no more."""
_MOST_RETRY_AFTER_S = 3600


@dataclass(frozen=True)
class Progress:
    """How far a delivery is on both ladders."""

    first_try_s: float
    quick_tries: int = 0
    slow_tries: int = 0


@dataclass(frozen=True)
class Next:
    """The next try, and the ladders' state then."""

    at_s: float
    quick_tries: int
    slow_tries: int


def next_try(
    progress: Progress,
    *,
    now_s: float,
    http_status: int | None,
    url: str = "",
    retry_after_s: float | None = None,
    spread: float = 0.0,
) -> Next | None:
    """The next try after one that failed; None where that was the last.

    `spread` is 0 to 1: up to a tenth is added to slow waits, so that many deliveries do not come back as one.
    """
    if http_status == GONE:
        return None
    if _is_not_yet(http_status, url):
        quick_s = QUICK_S[min(progress.quick_tries, len(QUICK_S) - 1)]
        if now_s + quick_s <= progress.first_try_s + QUICK_FOR_S:
            return Next(now_s + quick_s, progress.quick_tries + 1, progress.slow_tries)
    if progress.slow_tries >= len(SLOW_S):
        return None
    slow_s = SLOW_S[progress.slow_tries] * (1 + spread / 10)
    asked_s = min(retry_after_s or 0.0, _MOST_RETRY_AFTER_S)
    return Next(now_s + max(slow_s, asked_s), progress.quick_tries, progress.slow_tries + 1)


def _is_not_yet(http_status: int | None, url: str) -> bool:
    # n8n 2.41 was seen to answer 500 instead of 409.
    return http_status in NOT_YET or (http_status == 500 and _N8N_WAITS_AT in url)
