"""The ground that the camera moves over: the part of the still that is used, made ready once for all frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from apigpu.graph import Fragment, Pad
from apigpu_img2vid.motion import Path, Rect
from apigpu_img2vid.orientation import Box, is_turned, to_stored, to_upright, upright
from apigpu_img2vid.planner import Span

_LANCZOS_REACH = 4  # source pixels that lanczos looks at beside the part it is asked for, when it does not shrink


@dataclass(frozen=True)
class Still:
    """The picture as FFmpeg decodes it: size as stored, EXIF orientation, and what lies under its alpha."""

    width: int
    height: int
    orientation: int = 1
    has_alpha: bool = False
    background: str = "#000000"

    @property
    def upright_size(self) -> tuple[int, int]:
        return (self.height, self.width) if is_turned(self.orientation) else (self.width, self.height)


@dataclass(frozen=True)
class Ground:
    """The used part `box` of the upright still, and whether the camera sees past it, to the sides or above."""

    still: Still
    box: Box
    bars_x: bool
    bars_y: bool

    def spans(self, rects: Sequence[Rect]) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """What each frame shows across and down, in units of the box."""
        box = self.box
        across = tuple(Span((rect.x - box.x) / box.width, rect.width / box.width) for rect in rects)
        down = tuple(Span((rect.y - box.y) / box.height, rect.height / box.height) for rect in rects)
        return across, down


def ground_of(still: Still, path: Path, width: int) -> Ground:
    """The part of the still that `path` touches when it is shown at `width` pixels, rims for the scaler included."""
    full_width, full_height = still.upright_size
    ends = (path.start, path.end)
    step = max(rect.width for rect in ends) / width
    rim = _LANCZOS_REACH * max(1.0, step)
    low_x, high_x = min(rect.x for rect in ends), max(rect.x + rect.width for rect in ends)
    low_y, high_y = min(rect.y for rect in ends), max(rect.y + rect.height for rect in ends)
    x, across = _within(low_x - rim, high_x + rim, full_width)
    y, down = _within(low_y - rim, high_y + rim, full_height)
    stored = to_stored(Box(x, y, across, down), full_width, full_height, still.orientation)
    x, across = _even(stored.x, stored.width, still.width)
    y, down = _even(stored.y, stored.height, still.height)
    box = to_upright(Box(x, y, across, down), still.width, still.height, still.orientation)
    bars = (
        _sees_past(low, high, size, step / 2)
        for low, high, size in ((low_x, high_x, full_width), (low_y, high_y, full_height))
    )
    return Ground(still, box, *bars)


@dataclass(frozen=True)
class Copy:
    """One copy of the ground at a size of its own; all numbers even.

    It lies at `left`, `top` of a cell of `cell_width` x `cell_height`; around it the background or its own rim.
    """

    width: int
    height: int
    left: int
    top: int
    cell_width: int
    cell_height: int


def cut_out(fragment: Fragment, picture: Pad, ground: Ground) -> Pad:
    """The used part of the picture as stored, without alpha."""
    still, box = ground.still, ground.box
    part = to_stored(box, *still.upright_size, still.orientation)
    if (part.width, part.height) != (still.width, still.height):
        # exact: a part that ends at the edge of an odd-sized picture is odd itself.
        picture = fragment.filter("crop", picture, w=part.width, h=part.height, x=part.x, y=part.y, exact=1)
    return _flattened(fragment, picture, still.background) if still.has_alpha else picture


def laid_out(fragment: Fragment, part: Pad, ground: Ground, copy: Copy) -> Pad:
    """One copy in its cell, yuv420p in limited range and still in the matrix of BT.601."""
    turned = is_turned(ground.still.orientation)
    width, height = (copy.height, copy.width) if turned else (copy.width, copy.height)
    scaled = fragment.filter(
        "scale",
        part,
        w=width,
        h=height,
        flags="lanczos",
        out_range="tv",
        out_color_matrix="bt601",
        threads=1,
    )
    scaled = fragment.filter("format", scaled, pix_fmts="yuv420p")
    return _in_cell(fragment, upright(fragment, scaled, ground.still.orientation), ground, copy)


def to_bt709(fragment: Fragment, picture: Pad) -> Pad:
    """yuv420p of BT.601 turned into BT.709, and tagged so.

    swscale's own way from matrix to matrix leads through 8-bit RGB; in 5.1 it made white (252, 255, 252) and took
    twice as long. `pad` paints by BT.601, so this comes after it.
    """
    turned = fragment.filter("colormatrix", picture, src="bt601", dst="bt709")
    return fragment.filter(
        "setparams", turned, range="tv", colorspace="bt709", color_primaries="bt709", color_trc="bt709"
    )


def _in_cell(fragment: Fragment, picture: Pad, ground: Ground, copy: Copy) -> Pad:
    right = copy.cell_width - copy.left - copy.width
    bottom = copy.cell_height - copy.top - copy.height
    if not (copy.left or right or copy.top or bottom):
        return picture
    colour = "0x" + ground.still.background.lstrip("#")
    w, h = copy.cell_width, copy.cell_height
    picture = fragment.filter("pad", picture, w=w, h=h, x=copy.left, y=copy.top, color=colour)
    sides = {} if ground.bars_x else {"left": copy.left, "right": right}
    ends = {} if ground.bars_y else {"top": copy.top, "bottom": bottom}
    rims = {name: size for name, size in {**sides, **ends}.items() if size}
    return fragment.call("fillborders", (picture,), {**rims, "mode": "smear"})[0] if rims else picture


def _flattened(fragment: Fragment, picture: Pad, background: str) -> Pad:
    """The picture over a colour, blended at full size: scaled first, clear pixels would bleed into their
    neighbours. The colour is a copy painted over, since FFmpeg's `color` source makes no odd sizes."""
    red, green, blue = (int(background[index : index + 2], 16) for index in (1, 3, 5))
    picture = fragment.filter("format", picture, pix_fmts="rgba")
    over, under = fragment.call("split", (picture,), {}, outputs=2)
    under = fragment.filter("lutrgb", under, r=red, g=green, b=blue, a=255)
    return fragment.filter("overlay", under, over, format="rgb")


def _within(low: float, high: float, size: int) -> tuple[int, int]:
    """Start and length, in whole pixels, of what lies inside 0 to `size`."""
    start = min(max(0, math.floor(low)), size - 1)
    return start, max(1, min(size, math.ceil(high)) - start)


def _even(start: int, length: int, size: int) -> tuple[int, int]:
    """The same stretch or a pixel more, beginning and ending on chroma pixels where the picture does."""
    first = start - start % 2
    return first, min(size, start + length + (start + length) % 2) - first


def _sees_past(low: float, high: float, size: int, slack: float) -> bool:
    return low < -slack or high > size + slack
