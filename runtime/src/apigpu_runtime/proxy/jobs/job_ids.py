"""Names of jobs: in the order of their making, and unguessable."""

from __future__ import annotations

import os
from collections.abc import Iterator

_CLOCK_DIGITS = 12
_CHANCE_BYTES = 6
_AT_ONCE = 1000


def new_job_id(now_s: float) -> str:
    """24 hexadecimal digits: milliseconds since 1970, then chance. Sorted as text they are sorted by time.

    For one thread at a time.
    """
    return earliest_job_id(now_s) + next(_chances)


def earliest_job_id(at_s: float) -> str:
    """A text before the ids of all jobs made at that moment or later, and after those of all before."""
    milliseconds = min(max(round(at_s * 1000), 0), 16**_CLOCK_DIGITS - 1)
    return f"{milliseconds:0{_CLOCK_DIGITS}x}"


def _chance() -> Iterator[str]:
    """Taken from the system for many at once: each call lets go of the interpreter and must wait to get it back."""
    while True:
        pool = os.urandom(_AT_ONCE * _CHANCE_BYTES)
        for start in range(0, len(pool), _CHANCE_BYTES):
            yield pool[start : start + _CHANCE_BYTES].hex()


_chances = _chance()
