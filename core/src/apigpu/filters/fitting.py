"""Fitting a picture into a size without stretching it, unless that is asked for."""

from __future__ import annotations

from typing import Literal

from apigpu.filters.geometry import Crop, Extend, Scale
from apigpu.streams import VideoStream

Fit = Literal["cover", "contain", "stretch"]


def fit(video: VideoStream, width: int, height: int, how: Fit = "cover", *, colour: str = "black") -> VideoStream:
    """The picture at `width` x `height` (even): `cover` fills it and cuts what sticks out, `contain` shows all of
    it on a ground of `colour`, `stretch` distorts it."""
    if how == "stretch":
        return video.apply(Scale(width, height))
    ratio = max if how == "cover" else min
    factor = ratio(width / video.format.width, height / video.format.height)
    inner_width, inner_height = (
        _even(side * factor, limit, how)
        for side, limit in ((video.format.width, width), (video.format.height, height))
    )
    scaled = video.apply(Scale(inner_width, inner_height))
    if (inner_width, inner_height) == (width, height):
        return scaled
    x, y = (abs(outer - inner) // 4 * 2 for outer, inner in ((width, inner_width), (height, inner_height)))
    if how == "cover":
        return scaled.apply(Crop(width, height, x, y))
    return scaled.apply(Extend(width, height, x, y, colour))


def _even(length: float, limit: int, how: Fit) -> int:
    """The nearest even length that does not leave a gap (cover) or stick out (contain)."""
    even = max(2, round(length / 2) * 2)
    return max(even, limit) if how == "cover" else min(even, limit)
