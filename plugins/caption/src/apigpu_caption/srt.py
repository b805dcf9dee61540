"""SubRip. A cue is a timing line and the text up to the next one; numbers and blank lines are only hints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apigpu_caption.clocks import Timing, is_broken_timing, timing
from apigpu_caption.cues import Cue, Lost, Reading, clock
from apigpu_caption.markup import read_markup

MAX_TEXT = 2000
"""Characters of one cue; the rest is cut off and reported. No screen holds as many."""


@dataclass
class _Entry:
    """One timing line and the lines under it. `timing` is None where the line cannot be read, `number` where
    no number stands above it."""

    line: int
    timing: Timing | None
    number: int | None = None
    lines: list[str] = field(default_factory=list)


def read_srt(text: str) -> Reading:
    """Every cue of a SubRip file, and what could not be used. Never raises."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    entries, lost = _entries(lines)
    return assemble(entries_with_text(entries), lost, vtt=False)


def entries_with_text(entries: Sequence[_Entry]) -> Iterator[tuple[Timing | None, int, str]]:
    for entry in entries:
        yield entry.timing, entry.line, "\n".join(line.strip() for line in entry.lines if line.strip())


def assemble(found: Iterator[tuple[Timing | None, int, str]], lost: list[Lost], *, vtt: bool) -> Reading:
    """Cues out of timings, line numbers and raw texts, sorted into what can be shown and what cannot."""
    cues: list[Cue] = []
    altered: list[Lost] = []
    for number, (times, line, text) in enumerate(found, 1):
        if times is None:
            lost.append(Lost("broken_time", f"line {line}"))
            continue
        label = f"{number} ({clock(times.start_ms)})"
        marked = read_markup(text[:MAX_TEXT], vtt=vtt)
        if len(text) > MAX_TEXT:
            altered.append(Lost("text_cut", label))
        if marked.dropped:
            altered.append(Lost("tags_dropped", label))
        cue = Cue(number, times.start_ms, times.end_ms, marked.spans, marked.position)
        if cue.text.strip():
            cues.append(cue)
        else:
            lost.append(Lost("empty_text", label))
    return Reading(tuple(cues), tuple(lost), tuple(altered))


def _entries(lines: Sequence[str]) -> tuple[list[_Entry], list[Lost]]:
    entries: list[_Entry] = []
    lost: list[Lost] = []
    body: list[str] = []
    for line_number, line in enumerate(lines, 1):
        times = timing(line)
        if times is None and not is_broken_timing(line):
            body.append(line)
            continue
        number = _number(body[-1]) if body else None
        kept = body if number is None else body[:-1]
        _close(entries, kept, line_number - len(body), lost)
        entries.append(_Entry(line_number, times, number))
        body = []
    _close(entries, body, len(lines) + 1 - len(body), lost)
    return entries, lost


def _close(entries: list[_Entry], body: Sequence[str], first_line: int, lost: list[Lost]) -> None:
    """Give the lines between two timing lines to the cue before, except paragraphs that have no timing line."""
    expected = entries[-1].number + 1 if entries and entries[-1].number is not None else None
    text: list[str] = []
    fresh, skipping = not entries, False
    for offset, line in enumerate(body):
        if not line.strip():
            fresh, skipping = True, False
            continue
        if fresh and (not entries or _is_untimed(body, offset, expected)):
            lost.append(Lost("no_time", f"line {first_line + offset}"))
            expected = expected + 1 if expected is not None else None
            skipping = True
        fresh = False
        if not skipping:
            text.append(line)
    if entries:
        entries[-1].lines = text


def _is_untimed(body: Sequence[str], offset: int, expected: int | None) -> bool:
    """True where a paragraph bears the next number and has text under it, but no times."""
    has_text = offset + 1 < len(body) and bool(body[offset + 1].strip())
    return has_text and expected is not None and _number(body[offset]) == expected


def _number(line: str) -> int | None:
    """The number of a cue, where a line holds nothing else."""
    word = line.strip()
    return int(word) if word.isdecimal() and len(word) < 10 else None
