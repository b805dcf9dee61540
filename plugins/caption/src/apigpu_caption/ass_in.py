"""The user's own ASS or SSA, passed through as it is; only the account of its events is taken here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from apigpu_caption.cues import Cue, Lost, Span

_TIME = re.compile(r"\s*(\d+):(\d{1,2}):(\d{1,2})(?:[.:,](\d{1,3}))?\s*")
_V4_PLUS = ("Layer", "Start", "End", "Style", "Name", "MarginL", "MarginR", "MarginV", "Effect", "Text")
_BLOCK = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Script:
    """A script ready for libass, the events it shows (their text without codes) and those it cannot."""

    content: bytes
    cues: tuple[Cue, ...]
    lost: tuple[Lost, ...]


def read_ass(text: str) -> Script:
    """A user's script in UTF-8 with plain line ends. Events whose times cannot be read are listed as lost."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cues: list[Cue] = []
    lost: list[Lost] = []
    fields: tuple[str, ...] = _V4_PLUS
    for number, line in enumerate(lines, 1):
        kind, _, rest = line.strip().partition(":")
        # Styles have a Format line too, without times.
        if kind.casefold() == "format" and "start" in rest.casefold():
            fields = tuple(name.strip() for name in rest.split(","))
        elif kind.casefold() == "dialogue":
            _add(len(cues) + len(lost) + 1, number, _event(fields, rest), cues, lost)
    if not any(line.strip().casefold() == "[script info]" for line in lines):
        lines = ["[Script Info]", "ScriptType: v4.00+", "", *lines]
    return Script("\n".join(lines).encode("utf-8", "replace"), tuple(cues), tuple(lost))


def _event(fields: tuple[str, ...], rest: str) -> dict[str, str]:
    values = rest.split(",", max(0, len(fields) - 1))
    return {name.casefold(): value for name, value in zip(fields, values, strict=False)}


def _add(number: int, line: int, event: dict[str, str], cues: list[Cue], lost: list[Lost]) -> None:
    start, end = (_ms(event.get(name, "")) for name in ("start", "end"))
    if start is None or end is None:
        lost.append(Lost("broken_time", f"line {line}"))
        return
    cue = Cue(number, start, end, (Span(_BLOCK.sub("", event.get("text", ""))),))
    if event.get("text", "").strip():
        cues.append(cue)
    else:
        lost.append(Lost("empty_text", cue.label))


def _ms(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = (int(found[part]) for part in (1, 2, 3))
    fraction = found[4] or "0"
    total: int = ((hour * 60 + minute) * 60 + second) * 1000 + int(fraction) * 1000 // 10 ** len(fraction)
    return total
