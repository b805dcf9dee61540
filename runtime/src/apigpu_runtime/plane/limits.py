"""Rate limits as RunPod's: so many requests in ten seconds and so many at once, for each kind and each key."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from apigpu_runtime.plane.behaviour import RateLimit
from apigpu_runtime.plane.http import Refused

_MOST_CALLERS = 10_000


class Limits:
    def __init__(self, limits: Mapping[str, RateLimit], window_s: float) -> None:
        self._limits = limits
        self._window_s = window_s
        self._begun: dict[tuple[str, str], deque[float]] = {}
        self._open: dict[tuple[str, str], int] = {}

    @contextmanager
    def admitted(self, kind: str, caller: str) -> Iterator[None]:
        """A request that is within its limits, for as long as the block lasts. Raises Refused with 429."""
        limit = self._limits.get(kind)
        if limit is None:
            yield
            return
        name = (kind, caller)
        self._admit(name, limit)
        self._open[name] = self._open.get(name, 0) + 1
        try:
            yield
        finally:
            self._open[name] -= 1

    def _admit(self, name: tuple[str, str], limit: RateLimit) -> None:
        now_s = time.monotonic()
        if len(self._begun) > _MOST_CALLERS:
            self._begun.clear()
        begun = self._begun.setdefault(name, deque())
        while begun and begun[0] <= now_s - self._window_s:
            begun.popleft()
        if len(begun) >= limit.requests:
            raise Refused(429, "too many requests", retry_after_s=math.ceil(begun[0] + self._window_s - now_s))
        if limit.concurrent and self._open.get(name, 0) >= limit.concurrent:
            raise Refused(429, "too many requests at once", retry_after_s=1)
        begun.append(now_s)
