"""The user's own ASS or SSA. It is passed on as it is; its events are read only to account for them, and to see
whether anything in it moves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apigpu_caption.cues import Cue, Lost, Span
from apigpu_caption.timeline import State, ass_clock

_TIME = re.compile(r"\s*(\d+):(\d{1,2}):(\d{1,2})(?:[.:,](\d{1,3}))?\s*")
_FIELDS = ("Layer", "Start", "End", "Style", "Name", "MarginL", "MarginR", "MarginV", "Effect", "Text")
_MOVES = re.compile(r"\\(?:move|fade?|t)\s*\(|\\[kK][fot]?\s*\d")
_PLACED = re.compile(r"\\(?:pos|move)\s*\(")


@dataclass(frozen=True)
class Event:
    """One event that libass shows. `line` counts from 0; `values` are its fields, named by `names` in lower case."""

    cue: Cue
    line: int
    names: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def is_still(self) -> bool:
        return not self._value("effect").strip() and _MOVES.search(self._value("text")) is None

    @property
    def is_placed(self) -> bool:
        """True where it names its place, so that other events cannot push it away."""
        return _PLACED.search(self._value("text")) is not None

    def at(self, start_cs: int, end_cs: int) -> str:
        """The same event at other times."""
        times = {"start": ass_clock(start_cs), "end": ass_clock(end_cs)}
        return "Dialogue: " + ",".join(
            times.get(name, value).lstrip() for name, value in zip(self.names, self.values, strict=True)
        )

    def _value(self, name: str) -> str:
        return self.values[self.names.index(name)] if name in self.names else ""


@dataclass(frozen=True)
class Script:
    """A script ready for libass, the events it shows, and those it cannot show."""

    lines: tuple[str, ...]
    events: tuple[Event, ...]
    lost: tuple[Lost, ...]

    @property
    def content(self) -> bytes:
        return "\n".join(self.lines).encode("utf-8", "replace")

    @property
    def cues(self) -> tuple[Cue, ...]:
        return tuple(event.cue for event in self.events)

    @property
    def fonts(self) -> tuple[str, ...]:
        """Families that the styles name."""
        names: tuple[str, ...] = ()
        found: list[str] = []
        for line in self.lines:
            kind, _, rest = line.strip().partition(":")
            if kind.casefold() == "format" and "fontname" in rest.casefold():
                names = _names(rest)
            elif kind.casefold() == "style" and names:
                found.append(dict(zip(names, rest.split(","), strict=False)).get("fontname", "").strip().lstrip("@"))
        return tuple(dict.fromkeys(name for name in found if name))

    @property
    def brings_fonts(self) -> bool:
        return any(line.strip().casefold() == "[fonts]" for line in self.lines)

    def is_still(self, states: Sequence[State]) -> bool:
        """True where every state looks the same from its beginning to its end, whatever came before.

        libass keeps an event where it has once put it. So one that was pushed aside stays there when the other is
        gone, and looks different from a state drawn by itself.
        """
        by_number = {event.cue.number: event for event in self.events}
        return all(event.is_still for event in self.events) and all(
            sum(not by_number[cue.number].is_placed for cue in state.cues) <= 1 for state in states
        )

    def in_states(self, states: Sequence[State]) -> bytes:
        """The same script with the events of each state at its times, and no others."""
        by_number = {event.cue.number: event for event in self.events}
        shown = [
            by_number[number].at(state.start_cs, state.end_cs)
            for state in states
            for number in sorted(cue.number for cue in state.cues)
        ]
        dropped = {event.line for event in self.events}
        first = min(dropped)
        head = self.lines[:first]
        tail = [line for number, line in enumerate(self.lines[first:], first) if number not in dropped]
        return "\n".join((*head, *shown, *tail)).encode("utf-8", "replace")


def read_ass(text: str) -> Script:
    """A user's script with plain line ends. Events whose times cannot be read are listed as lost. Never raises."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not any(line.strip().casefold() == "[script info]" for line in lines):
        lines = ["[Script Info]", "ScriptType: v4.00+", "", *lines]
    events: list[Event] = []
    lost: list[Lost] = []
    names = tuple(name.casefold() for name in _FIELDS)
    for line_number, line in enumerate(lines):
        kind, _, rest = line.strip().partition(":")
        # Styles have a Format line too, without times.
        if kind.casefold() == "format" and "start" in rest.casefold():
            names = _names(rest)
        elif kind.casefold() == "dialogue":
            found = _event(len(events) + len(lost) + 1, line_number, names, rest)
            if isinstance(found, Lost):
                lost.append(found)
            else:
                events.append(found)
    return Script(tuple(lines), tuple(events), tuple(lost))


def _names(fields: str) -> tuple[str, ...]:
    return tuple(name.strip().casefold() for name in fields.split(","))


def _event(number: int, line: int, names: tuple[str, ...], rest: str) -> Event | Lost:
    values = rest.split(",", max(0, len(names) - 1))
    given = dict(zip(names, values, strict=False))
    start, end = (_ms(given.get(name, "")) for name in ("start", "end"))
    if start is None or end is None or len(values) != len(names):
        return Lost("broken_time", f"line {line + 1}")
    # The whole event stands for its look: equal words in another style are another picture.
    look = "\0".join(value for name, value in given.items() if name not in {"start", "end"})
    cue = Cue(number, start, end, (Span(look),))
    return Event(cue, line, names, tuple(values)) if given.get("text", "").strip() else Lost("empty_text", cue.label)


def _ms(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = (int(found[part]) for part in (1, 2, 3))
    fraction = found[4] or "0"
    total: int = ((hour * 60 + minute) * 60 + second) * 1000 + int(fraction) * 1000 // 10 ** len(fraction)
    return total
