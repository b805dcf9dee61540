"""How much of the picture captions can cover, so that a layer need not be larger. Errs on the large side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from apigpu_caption.ass import Canvas, margins_px, size_px
from apigpu_caption.cues import Cue
from apigpu_caption.fonts import is_shipped, shipped_font
from apigpu_caption.input import Style
from apigpu_caption.timeline import State

_SLACK = 1.06
"""Widths are measured without kerning and hinting."""

_WORTH_IT = 0.7
"""Share of the height above which a band saves nothing."""


def canvas_for(states: Sequence[State], style: Style, video: tuple[int, int]) -> Canvas:
    """The band at the upper or lower edge that holds every state, or the whole picture.

    A band needs all cues at one edge, in the shipped font: only its widths are known, and a script's fonts that
    stand in for missing letters may have taller lines.
    """
    width, height = video
    whole = Canvas.whole(width, height)
    edges = {(cue.position or style.position).split("_")[0] for state in states for cue in state.cues}
    if len(edges) != 1 or edges == {"middle"} or height % 2 or not is_shipped(style.font):
        return whole
    lines = _most_lines(states, style, video)
    if lines is None:
        return whole
    size = size_px(style, video)
    # Half a line for accents that rise above it, and as much again for outline, box and shadow.
    needed = margins_px(style, video)[1] + size * (lines + 1 + 2 * (style.outline + style.shadow) / 100)
    band = ceil(needed / 2) * 2
    if band > height * _WORTH_IT:
        return whole
    return Canvas(video, band, 0 if edges == {"top"} else height - band)


def _most_lines(states: Iterable[State], style: Style, video: tuple[int, int]) -> int | None:
    """Lines of the tallest state; None where a letter is not in the shipped font."""
    usable_px = max(1.0, video[0] - 2 * margins_px(style, video)[0])
    per_unit = size_px(style, video) / shipped_font(bold=False).line_units * _SLACK
    known: dict[Cue, int | None] = {}
    most = 0
    for state in states:
        total = 0
        for cue in state.cues:
            if cue not in known:
                known[cue] = _lines(cue.text, usable_px / per_unit)
            count = known[cue]
            if count is None:
                return None
            total += count
        most = max(most, total)
    return most


def _lines(text: str, usable_units: float) -> int | None:
    """Lines that a text takes when words are set one after the other, in the wider bold letters."""
    font = shipped_font(bold=True)
    count = 0
    for line in text.split("\n"):
        at = 0.0
        count += 1
        for word in line.split(" "):
            width = 0
            for letter in word + " ":
                advance = font.advance(letter)
                if advance is None:
                    return None
                width += advance
            if at and at + width > usable_units:
                count += 1
                at = 0.0
            at += width
    return count
