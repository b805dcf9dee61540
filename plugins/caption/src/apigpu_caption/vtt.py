"""WebVTT: blocks between blank lines; notes, styles and regions are no captions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from apigpu_caption.clocks import Timing, is_broken_timing, timing
from apigpu_caption.cues import Lost, Reading
from apigpu_caption.input import Position
from apigpu_caption.srt import assemble

_NO_CAPTION = re.compile(r"(WEBVTT|NOTE|STYLE|REGION)(\s|$)")

_PLACES: dict[str, dict[str, Position]] = {
    "top": {"left": "top_left", "center": "top_center", "right": "top_right"},
    "middle": {"left": "middle_left", "center": "middle_center", "right": "middle_right"},
    "bottom": {"left": "bottom_left", "center": "bottom_center", "right": "bottom_right"},
}


def read_vtt(text: str) -> Reading:
    """Every cue of a WebVTT file, and what could not be used. Never raises."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lost: list[Lost] = []
    found: list[tuple[Timing | None, int, str]] = []
    for first, block in _blocks(lines):
        _read_block(first, block, found, lost)
    reading = assemble(iter(found), lost, vtt=True)
    places = {number: placed(times.settings) for number, (times, _, _) in enumerate(found, 1) if times is not None}
    cues = tuple(replace(cue, position=cue.position or places[cue.number]) for cue in reading.cues)
    return replace(reading, cues=cues)


def placed(settings: str) -> Position | None:
    """The nearest of the nine places for a cue's settings, such as `line:10% align:left`, if they say any."""
    given = dict(item.split(":", 1) for item in settings.split() if ":" in item)
    row, column = _row(given.get("line", "")), _column(given.get("align", ""))
    if row is None and column is None:
        return None
    return _PLACES[row or "bottom"][column or "center"]


def _row(line: str) -> str | None:
    found = re.match(r"(-?\d{1,4}(?:\.\d{1,6})?)(%?)", line)
    if found is None:
        return None
    value = float(found[1])
    if not found[2]:  # lines of text, counted from the top, or from the bottom where negative
        return "top" if 0 <= value < 8 else "bottom"
    return "top" if value < 34 else "middle" if value < 67 else "bottom"


def _column(align: str) -> str | None:
    return {"left": "left", "start": "left", "right": "right", "end": "right"}.get(align)


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The blocks of a file, each with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _read_block(
    first: int, block: Sequence[str], found: list[tuple[Timing | None, int, str]], lost: list[Lost]
) -> None:
    """A block holds one cue; where blank lines are missing it holds several, each beginning with its times."""
    starts = [at for at, line in enumerate(block) if timing(line) is not None or is_broken_timing(line)]
    if not starts:
        if _NO_CAPTION.match(block[0]) is None:
            lost.append(Lost("no_time", f"line {first}"))
        return
    for at, until in zip(starts, [*starts[1:], len(block)], strict=True):
        text = "\n".join(line.strip() for line in block[at + 1 : until])
        found.append((timing(block[at]), first + at, text))
