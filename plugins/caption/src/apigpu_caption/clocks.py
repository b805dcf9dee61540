"""Timing lines of SRT and WebVTT, as people and programs really write them. Times in ms."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TIME = (
    r"(?P<{0}minus>-\s*)?(?:(?P<{0}h>\d{{1,6}})\s*:\s*)?(?P<{0}m>\d{{1,4}})\s*:\s*(?P<{0}s>\d{{1,4}})"
    r"(?:\s*[.,:;]\s*(?P<{0}f>\d{{1,9}}))?"
)
_LINE = re.compile(rf"\s*{_TIME.format('a')}\s*-{{1,3}}>\s*{_TIME.format('b')}(?P<rest>(?:\s.*)?)", re.DOTALL)
_LIKELY = re.compile(r"^\W*\d.*-->|-->\W*\d.*:")
"""A line with an arrow that was meant for times: a digit before it, or a time after it."""

_MAX_LINE = 500
"""Characters of the longest line that is looked at: searching for arrows takes the square of its length."""


@dataclass(frozen=True)
class Timing:
    """A readable timing line; `settings` is what stands behind the times."""

    start_ms: int
    end_ms: int
    settings: str = ""


def timing(line: str) -> Timing | None:
    """The times of a line such as `00:00:01,000 --> 00:00:02.5 X1:40`; None where it is none.

    Dots serve for commas, hours may be missing or above 99, and a short fraction counts as decimals.
    """
    if "->" not in line or len(line) > _MAX_LINE:
        return None
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    return Timing(_ms(found, "a"), _ms(found, "b"), found["rest"].strip())


def is_broken_timing(line: str) -> bool:
    """True for a line that was meant for times but cannot be read."""
    return "-->" in line and len(line) <= _MAX_LINE and timing(line) is None and _LIKELY.search(line) is not None


def _ms(found: re.Match[str], which: str) -> int:
    hour, minute, second = (int(found[which + unit] or 0) for unit in "hms")
    # int() reads the digits of every script, as \d does; only their value is used.
    fraction = found[which + "f"] or "0"
    thousandths = int(fraction) * 1000 // 10 ** len(fraction)
    total: int = ((hour * 60 + minute) * 60 + second) * 1000 + thousandths
    return -total if found[which + "minus"] else total
