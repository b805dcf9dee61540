"""Camera paths over a still: which rectangle of the upright picture each frame shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

Fit = Literal["cover", "contain", "stretch"]
Easing = Literal["linear", "smooth"]

# How much a pan may travel over, in output pixels in all and along its way, for the memory and the longest side that
# FFmpeg's pictures may have. A longer panorama is crossed in part, around the focus.
_MOST_PAN_PIXELS = 60e6
_LONGEST_PAN_PX = 19200


class Motion(StrEnum):
    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PAN_UP = "pan_up"
    PAN_DOWN = "pan_down"
    NONE = "none"


@dataclass(frozen=True)
class Rect:
    """A rectangle of the upright still in its pixels, whole or not; beyond the still lies the background."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Path:
    """A straight way of the camera from one rectangle to another of the same shape.

    The size changes by equal factors in equal times, which the eye reads as even speed, and the picture
    grows around one point that stays where it is.
    """

    start: Rect
    end: Rect
    easing: Easing = "linear"

    @property
    def is_still(self) -> bool:
        return self.start == self.end

    def at(self, progress: float) -> Rect:
        """The rectangle at `progress`, 0 to 1; exactly `start` at 0 and `end` at 1."""
        if progress <= 0 or self.is_still:
            return self.start
        if progress >= 1:
            return self.end
        eased = progress * progress * (3 - 2 * progress) if self.easing == "smooth" else progress
        a, b = self.start, self.end
        growth = (b.width / a.width) ** eased
        share = eased if a.width == b.width else (growth - 1) * a.width / (b.width - a.width)
        return Rect(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, a.width * growth, a.height * growth)


@dataclass(frozen=True)
class Framing:
    """How a still is laid into a frame. Sizes in pixels; `focus_x` and `focus_y` from 0 to 1."""

    still_width: int
    still_height: int
    width: int
    height: int
    fit: Fit = "cover"
    focus_x: float = 0.5
    focus_y: float = 0.5

    @property
    def stage(self) -> Rect:
        """Where the camera may go: the still, or for `contain` the still with its bars."""
        still = Rect(0.0, 0.0, float(self.still_width), float(self.still_height))
        if self.fit != "contain":
            return still
        scale = max(self.still_width / self.width, self.still_height / self.height)
        width, height = self.width * scale, self.height * scale
        return Rect((still.width - width) / 2, (still.height - height) / 2, width, height)

    def window(self, zoom: float = 1.0) -> Rect:
        """The largest rectangle of the frame's shape, made smaller by `zoom`, as near to the focus as can be."""
        stage = self.stage
        width, height = stage.width, stage.height
        if self.fit == "cover":
            scale = min(width / self.width, height / self.height)
            width, height = self.width * scale, self.height * scale
        width, height = width / zoom, height / zoom
        x = self.focus_x * self.still_width - width / 2
        y = self.focus_y * self.still_height - height / 2
        return Rect(
            _clamp(x, stage.x, stage.x + stage.width - width),
            _clamp(y, stage.y, stage.y + stage.height - height),
            width,
            height,
        )


def path(framing: Framing, motion: Motion, *, zoom: float, easing: Easing = "linear") -> Path:
    """The way that a named motion takes. `zoom` is the magnification where it is closest, above 1.

    A pan keeps that magnification all along and crosses the whole picture, seen from the camera: `pan_right`
    begins at the left edge.
    """
    wide, close = framing.window(), framing.window(zoom)
    match motion:
        case Motion.NONE:
            return Path(wide, wide, easing)
        case Motion.ZOOM_IN:
            return Path(wide, close, easing)
        case Motion.ZOOM_OUT:
            return Path(close, wide, easing)
    first, last = _pan_ends(framing, close, sideways=motion in {Motion.PAN_LEFT, Motion.PAN_RIGHT})
    forward = motion in {Motion.PAN_RIGHT, Motion.PAN_DOWN}
    return Path(first, last, easing) if forward else Path(last, first, easing)


def _pan_ends(framing: Framing, window: Rect, *, sideways: bool) -> tuple[Rect, Rect]:
    """The window at both edges of the stage, nearer to the focus on an endless panorama."""
    stage = framing.stage
    if sideways:
        low, high = _pan_range(stage.x, stage.width, window.x, window.width, _most_windows(framing, framing.width))
        return replace(window, x=low), replace(window, x=high)
    low, high = _pan_range(stage.y, stage.height, window.y, window.height, _most_windows(framing, framing.height))
    return replace(window, y=low), replace(window, y=high)


def _most_windows(framing: Framing, side: int) -> float:
    return max(1.0, min(_MOST_PAN_PIXELS / (framing.width * framing.height), _LONGEST_PAN_PX / side))


def _pan_range(stage: float, length: float, start: float, window: float, most: float) -> tuple[float, float]:
    """First and last start of a window on a stage, at most `most` windows apart and near to `start`."""
    low = max(stage, start - (most - 1) * window / 2)
    return low, min(stage + length - window, low + (most - 1) * window)


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), max(low, high))
