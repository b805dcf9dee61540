"""Filming stills through the compiler, without an encoder, and measuring where things are in the frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from apigpu.compiler import compile_clip
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import capabilities_of
from apigpu.ffmpeg.process import capture_sync
from apigpu.streams import Clip
from apigpu.targets.presets import named_target
from apigpu_img2vid.motion import Rect

Picture = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Shown:
    """Frames as they reach the encoder: planes of (frames, height, width), uint8, chroma at half the size."""

    y: Picture
    u: Picture
    v: Picture

    def rgb(self, frame: int) -> Picture:
        """What a player makes of a frame by limited-range BT.709: (height, width, 3) floats, 0 to 255."""
        blue_less, red_less = (
            (plane[frame].astype(float) - 128).repeat(2, 0).repeat(2, 1) / 224 for plane in (self.u, self.v)
        )
        luma = (self.y[frame].astype(float) - 16) / 219
        red, blue = luma + 1.5748 * red_less, luma + 1.8556 * blue_less
        green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
        return np.stack([red, green, blue], -1).clip(0, 1) * 255


def raw_frames(clip: Clip, binaries: Binaries, folder: Path) -> Shown:
    """Every frame that the plan of `clip` gives, taken where its encoder would take them."""
    assert clip.video is not None
    plan = compile_clip(clip, named_target("cpu", capabilities_of(binaries)))
    for asset in plan.assets:
        (folder / asset.path).write_bytes(asset.content)
    arguments = list(plan.steps[0].arguments)
    mapped = arguments.index("-map") + 2
    target = folder / "frames.yuv"
    lossless = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", str(target)]
    command = [binaries.ffmpeg, "-v", "error", *arguments[:mapped], *lossless]
    done = capture_sync(command, timeout_s=120, cwd=folder)
    assert done.exit_code == 0, done.stderr.decode()
    picture = clip.video.format
    luma = picture.width * picture.height
    frames = np.fromfile(target, np.uint8).reshape(-1, luma * 3 // 2)
    chroma = (-1, picture.height // 2, picture.width // 2)
    return Shown(
        frames[:, :luma].reshape(-1, picture.height, picture.width),
        frames[:, luma : luma + luma // 4].reshape(chroma),
        frames[:, luma + luma // 4 :].reshape(chroma),
    )


def dotted_still(path: Path, width: int, height: int, *, every: float, sigma: float) -> list[tuple[float, float]]:
    """A grey PNG of soft bright dots; their centres, counted so that pixel 0 reaches from 0 to 1."""
    columns, rows = max(2, int(width / every)), max(2, int(height / every))
    centres = [((i + 0.5) * width / columns, (j + 0.5) * height / rows) for j in range(rows) for i in range(columns)]
    xs, ys = np.arange(width) + 0.5, np.arange(height) + 0.5
    across = sum(np.exp(-((xs - (i + 0.5) * width / columns) ** 2) / (2 * sigma**2)) for i in range(columns))
    down = sum(np.exp(-((ys - (j + 0.5) * height / rows) ** 2) / (2 * sigma**2)) for j in range(rows))
    Image.fromarray((30 + 200 * np.outer(down, across)).round().clip(0, 255).astype(np.uint8)).save(path)
    return centres


def displacements(
    luma: Picture, rects: Sequence[Rect], centres: Sequence[tuple[float, float]], *, sigma: float
) -> Picture:
    """How far each dot is from where the path puts it, in output pixels: (frames, dots, 2), NaN out of sight."""
    height, width = luma.shape[1:]
    found = np.full((len(luma), len(centres), 2), np.nan)
    for frame, (picture, rect) in enumerate(zip(luma, rects, strict=True)):
        reach = int(5 * sigma * width / rect.width) + 2
        for number, (x, y) in enumerate(centres):
            at = ((x - rect.x) * width / rect.width, (y - rect.y) * height / rect.height)
            if all(reach + 3 < place < side - reach - 3 for place, side in zip(at, (width, height), strict=True)):
                found[frame, number] = centroid(picture, at, reach) - np.array(at)
    return found


def centroid(picture: Picture, near: tuple[float, float], reach: int) -> Picture:
    """Centre of the bright spot around `near`, by a window that is itself soft and follows it."""
    x, y = near
    for _ in range(2):
        left, top = int(x) - reach, int(y) - reach
        part = picture[top : top + 2 * reach + 1, left : left + 2 * reach + 1].astype(float)
        weight = np.clip(part - part.min() - 3, 0, None)
        xs = left + np.arange(part.shape[1]) + 0.5
        ys = top + np.arange(part.shape[0]) + 0.5
        x, y = (weight.sum(0) * xs).sum() / weight.sum(), (weight.sum(1) * ys).sum() / weight.sum()
    return np.array([x, y])


def jitter(found: Picture) -> tuple[float, float]:
    """Rms over all frames and dots of the trembling around each dot's mean error, and that of the worst frame."""
    seen = ~np.isnan(found).all((0, 2))
    moving = found[:, seen] - np.nanmean(found[:, seen], 0)
    square = (moving**2).sum(-1)
    worst = np.nanmax(np.sqrt(np.nanmean(square, 1)))
    return float(np.sqrt(np.nanmean(square))), float(worst)
