"""How many requests a key may make: a moving window per key, in memory."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from apigpu.errors import InputError

# The parser of `limits` takes more, and passes over what it does not understand.
_RATE = re.compile(r"(\d{1,6})/(second|minute|hour|day)")
_MOST_REQUESTS = 100_000


@dataclass(frozen=True)
class Allowance:
    """What a key has left after a request."""

    allowed: bool
    limit: int
    window_s: int
    remaining: int
    reset_s: int
    """Seconds until one more request is free."""

    def headers(self) -> dict[str, str]:
        """By the IETF's draft of RateLimit fields, and Retry-After where the request was one too many."""
        told = {
            "RateLimit-Policy": f'"key";q={self.limit};w={self.window_s}',
            "RateLimit": f'"key";r={self.remaining};t={self.reset_s}',
        }
        return told if self.allowed else told | {"Retry-After": str(self.reset_s)}


class RateLimits:
    """Counts per key, which a restart forgets."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, key_id: str, rate: str) -> Allowance:
        """Count a request, unless it is one too many."""
        item = parse(rate)
        allowed = self._limiter.hit(item, key_id)
        window = self._limiter.get_window_stats(item, key_id)
        return Allowance(
            allowed,
            item.amount,
            item.get_expiry(),
            window.remaining,
            max(1, math.ceil(window.reset_time - time.time())),
        )


def check_rate(rate: str) -> str:
    """The rate, if it is one such as `60/minute`, or empty. Raises InputError."""
    if not rate:
        return ""
    found = _RATE.fullmatch(rate)
    if not found or not 1 <= int(found[1]) <= _MOST_REQUESTS:
        raise InputError(
            f"{rate!r} is no rate.",
            code="invalid_input",
            where="rate",
            remedy="Write it like 60/minute, 10/second or 1000/day.",
        )
    return rate
