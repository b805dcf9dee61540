"""Names of jobs: in the order of their making, and unguessable."""

from __future__ import annotations

import secrets

_CLOCK_DIGITS = 12
_SUFFIX_DIGITS = 12


def new_job_id(now_s: float) -> str:
    """24 hexadecimal digits: milliseconds since 1970, then chance. Sorted as text they are sorted by time."""
    return earliest_job_id(now_s) + secrets.token_hex(_SUFFIX_DIGITS // 2)


def earliest_job_id(at_s: float) -> str:
    """A text before the ids of all jobs made at that moment or later, and after those of all before."""
    milliseconds = min(max(round(at_s * 1000), 0), 16**_CLOCK_DIGITS - 1)
    return f"{milliseconds:0{_CLOCK_DIGITS}x}"
