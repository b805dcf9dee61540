"""A moving shot by FFmpeg's `perspective`, whose corners are fractions of pixels: any path, at thrice the cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from apigpu.graph import Fragment, Pad
from apigpu_img2vid.ground import Copy, cut_out, laid_out, to_bt709
from apigpu_img2vid.planner import Span, still_size
from apigpu_img2vid.shot import Shot, in_pace, repeated

_MARGIN = 4  # pixels of ground beyond the path, for the interpolation


def perspective(fragment: Fragment, still: Pad, shot: Shot) -> Pad:
    """The shot with its corners as expressions of the frame's number."""
    ground = shot.ground
    across, down = ground.spans([shot.path.start, shot.path.end])
    width, height = still_size(across, shot.width), still_size(down, shot.height)
    left, right = _reach(across, width)
    top, bottom = _reach(down, height)
    copy = Copy(width, height, left, top, left + right, top + bottom)
    picture = to_bt709(fragment, laid_out(fragment, cut_out(fragment, still, ground), ground, copy))
    picture = repeated(fragment, picture, shot)
    near_x, far_x = _edges(shot, _in_cell(across, width, left), shot.width, "W")
    near_y, far_y = _edges(shot, _in_cell(down, height, top), shot.height, "H")
    corners = {
        "x0": near_x,
        "y0": near_y,
        "x1": far_x,
        "y1": near_y,
        "x2": near_x,
        "y2": far_y,
        "x3": far_x,
        "y3": far_y,
    }
    options = {**corners, "interpolation": "linear", "eval": "frame"}
    picture = fragment.call("perspective", (picture,), options)[0]
    picture = fragment.filter("crop", picture, w=shot.width, h=shot.height, x=0, y=0)
    return in_pace(fragment, picture, shot)


def _reach(spans: Sequence[Span], size: int) -> tuple[int, int]:
    """How far the cell reaches before the ground's first pixel and after it; even."""
    low = min(0.0, *(span.start * size - _MARGIN for span in spans))
    high = max(float(size), *((span.start + span.length) * size + _MARGIN for span in spans))
    return -2 * math.floor(low / 2), 2 * math.ceil(high / 2)


def _in_cell(spans: Sequence[Span], size: int, before: int) -> list[Span]:
    return [Span(before + span.start * size, span.length * size) for span in spans]


def _edges(shot: Shot, ends: Sequence[Span], count: int, side: str) -> tuple[str, str]:
    """Expressions for where, in pixels of the cell, its first and last column (or row) come from.

    `perspective` maps the whole frame, of which the first `count` pixels are kept, and takes pixels by their
    corners: hence half a step, less half a pixel.
    """
    first, last = ends
    eased, share, growth = _progress(shot)
    step = f"{first.length / count:.9f}*{growth}"
    start = f"{first.start:.6f}+{last.start - first.start:.6f}*{share}"
    near = f"{start}+0.5*{step}-0.5"
    return f"st(0,{eased});{near}", f"st(0,{eased});{near}+{side}*{step}"


def _progress(shot: Shot) -> tuple[str, str, str]:
    """Expressions of `Path.at`: the eased progress, and by it (as `ld(0)`) the share of the way and the growth."""
    path = shot.path
    progress = f"(on-1+{shot.first})/{max(1, shot.frames - 1)}"  # `on` counts from 1
    eased = f"({progress})*({progress})*(3-2*({progress}))" if path.easing == "smooth" else f"({progress})"
    before, after = path.start.width, path.end.width
    if before == after:
        return eased, "ld(0)", "1"
    growth = f"pow({after / before:.12f},ld(0))"
    return eased, f"({growth}-1)*{before / (after - before):.12f}", growth
