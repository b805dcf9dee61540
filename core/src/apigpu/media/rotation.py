"""How a player turns a picture before showing it, from FFmpeg's display matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """Mirror left to right first where `mirrored`, then turn clockwise by 0, 90, 180 or 270 degrees."""

    rotation_deg: int = 0
    mirrored: bool = False


def turn_of_matrix(matrix: Sequence[int]) -> Turn:
    """The turn that a 3x3 display matrix asks for, to the nearest quarter; a singular one asks for none.

    The matrix takes a pixel (x, y), y downwards, to (a*x + c*y, b*x + d*y), with a, b, c, d at 0, 1, 3, 4.
    """
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    determinant = a * d - b * c
    if determinant == 0:
        return Turn()
    mirrored = determinant < 0
    if mirrored:  # take the mirror out: what is left is a pure turn
        a, b = -a, -b
    return Turn(_quarter(math.degrees(math.atan2(b, a))), mirrored)


def turn_of_tag(tag: str) -> Turn:
    """The turn of the old `rotate` tag: clockwise degrees. Anything else asks for none."""
    try:
        return Turn(_quarter(float(tag)))
    except (ValueError, OverflowError):
        return Turn()


def parse_matrix(text: str) -> tuple[int, ...] | None:
    """The nine numbers of ffprobe's `displaymatrix`, which it prints as three lines with a running count."""
    rows = [line.partition(":")[2].split() for line in text.splitlines() if ":" in line]
    try:
        numbers = tuple(int(word) for row in rows for word in row)
    except ValueError:
        return None
    return numbers if len(numbers) == 9 else None


def _quarter(degrees: float) -> int:
    return round(degrees / 90) * 90 % 360
