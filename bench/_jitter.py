"""How steady a zoom is: soft dots on a still, and how far from their places they are in each frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

Picture = np.ndarray[Any, Any]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of a still, whole or not; pixel 0 reaches from 0 to 1."""

COLUMNS, ROWS = 11, 6


def dotted_still(width: int, height: int) -> tuple[Image.Image, Picture]:
    """Bright dots on grey; and the dots' centres, (dots, 2)."""
    xs, ys = (np.arange(COLUMNS) + 0.5) * width / COLUMNS, (np.arange(ROWS) + 0.5) * height / ROWS
    bright = np.outer(_bumps(ys, height, _sigma(width)), _bumps(xs, width, _sigma(width)))
    picture = Image.fromarray((30 + 200 * bright).round().clip(0, 255).astype(np.uint8))
    return picture, np.array([(x, y) for y in ys for x in xs])


def jitter(film: Picture, boxes: Sequence[Box], centres: Picture) -> tuple[float, float]:
    """Rms over all frames, and that of the worst frame, of the dots' way off, in output pixels.

    `film` is (frames, height, width); the first box is the whole still. A dot's mean error over the film is not
    counted, for it is no movement; nor is a dot that leaves the picture.
    """
    still_width = boxes[0][2] - boxes[0][0]
    off = np.array([_off(frame, box, centres, _sigma(still_width)) for frame, box in zip(film, boxes, strict=True)])
    stayed = off[:, ~np.isnan(off).any((0, 2))]
    square = ((stayed - stayed.mean(0)) ** 2).sum(-1)
    return float(np.sqrt(square.mean())), float(np.sqrt(square.mean(1)).max())


def _off(frame: Picture, box: Box, centres: Picture, sigma: float) -> Picture:
    """For each dot, found minus wanted place, (dots, 2); NaN where it is not wholly in the frame."""
    height, width = frame.shape
    left, top, right, bottom = box
    wanted = (centres - (left, top)) * (width / (right - left), height / (bottom - top))
    reach = round(5 * sigma * width / (right - left))
    return np.array([_centre(frame, place, reach) - place for place in wanted])


def _centre(frame: Picture, near: Picture, reach: int) -> Picture:
    """Centre of gravity of the brightness around a place, looked for a second time around the first finding."""
    height, width = frame.shape
    x, y = near
    for _ in range(2):
        left, top = round(x) - reach, round(y) - reach
        if left < 0 or top < 0 or left + 2 * reach >= width or top + 2 * reach >= height:
            return np.full(2, np.nan)
        part = frame[top : top + 2 * reach, left : left + 2 * reach].astype(float)
        light = np.clip(part - part.min() - 3, 0, None)
        places = np.arange(2 * reach) + 0.5
        x, y = left + (light.sum(0) @ places) / light.sum(), top + (light.sum(1) @ places) / light.sum()
    return np.array([x, y])


def _bumps(centres: Picture, length: int, sigma: float) -> Picture:
    places = np.arange(length) + 0.5
    bumps: Picture = np.exp(-((places[None, :] - centres[:, None]) ** 2) / (2 * sigma**2)).sum(0)
    return bumps


def _sigma(still_width: float) -> float:
    return still_width / 600
