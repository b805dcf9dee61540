"""What a client prefers: RFC 7240's `Prefer` header."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Preference:
    """How long to wait for the job, and what of the header was heeded."""

    wait_s: float
    applied: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Preference-Applied": self.applied} if self.applied else {}


def preference(values: Iterable[str], *, default_s: float, most_s: float) -> Preference:
    """The wish in a request's `Prefer` headers. What is unknown or makes no sense is ignored, as the RFC wants."""
    found = _parse(",".join(values))
    wait = found.get("wait", "")
    if _DIGITS.fullmatch(wait):
        wait_s = min(float(wait), most_s)
        applied = f"wait={wait_s:g}"
        return Preference(wait_s, f"respond-async, {applied}" if "respond-async" in found else applied)
    if "respond-async" in found:
        return Preference(0.0, "respond-async")
    return Preference(default_s)


def _parse(text: str) -> dict[str, str]:
    """The first of each name counts."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.split(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
