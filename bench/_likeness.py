"""How exact the frames of a zoom are: against the exact rectangle of the still, resampled by Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from _jitter import Box, Picture


@dataclass(frozen=True)
class Likeness:
    psnr_db: float
    ssim: float


def grey_photo(photo: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of a photo without its colour, so that luma is the same in every colour matrix."""
    picture = photo.convert("L")
    shape = min(picture.width / width, picture.height / height)
    left, top = (picture.width - width * shape) / 2, (picture.height - height * shape) / 2
    box = (left, top, left + width * shape, top + height * shape)
    return picture.resize((width, height), Image.Resampling.LANCZOS, box=box)


def likeness(film: Picture, boxes: Sequence[Box], still: Image.Image) -> Likeness:
    """Means over grey frames, (frames, height, width), whose boxes on the still are given."""
    height, width = film.shape[1:]
    found = []
    for frame, box in zip(film, boxes, strict=True):
        truth = np.asarray(still.resize((width, height), Image.Resampling.LANCZOS, box=box), np.float64)
        seen = _full_range(frame.astype(np.float64), truth)
        found.append((((seen - truth) ** 2).mean(), ssim(seen, truth)))
    error, like = np.mean(found, axis=0)
    return Likeness(float(10 * np.log10(255**2 / error)), float(like))


def ssim(a: Picture, b: Picture) -> float:
    """Structural similarity of two pictures of 0 to 255, mean over blocks of 8 x 8."""
    x, y = _blocks(a), _blocks(b)
    mean_x, mean_y = x.mean((1, 3)), y.mean((1, 3))
    variance_x, variance_y = x.var((1, 3)), y.var((1, 3))
    covariance = (x * y).mean((1, 3)) - mean_x * mean_y
    light = (2 * mean_x * mean_y + 6.5025) / (mean_x**2 + mean_y**2 + 6.5025)
    structure = (2 * covariance + 58.5225) / (variance_x + variance_y + 58.5225)
    return float((light * structure).mean())


def _full_range(seen: Picture, truth: Picture) -> Picture:
    """Video range is stretched; some of the commands leave a JPEG's full range as it is."""
    stretched = (seen - 16) * 255 / 219
    return min((seen, stretched), key=lambda picture: abs(float(picture.mean() - truth.mean())))


def _blocks(picture: Picture) -> Picture:
    height, width = picture.shape
    return picture.reshape(height // 8, 8, width // 8, 8)
