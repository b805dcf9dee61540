"""Smoothness, measured: dots on a still are tracked through lossless frames and held against the declared path."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path as File

import numpy as np
import pytest
from PIL import Image

from apigpu.ffmpeg.binary import Binaries
from apigpu.formats import VideoFormat
from apigpu.media.facts import MediaFile
from apigpu.media.handles import Media
from apigpu.streams import Clip
from apigpu_img2vid import filter as filters
from apigpu_img2vid.filter import KenBurns
from apigpu_img2vid.motion import Framing, Motion, Path, Rect, path
from img2vid_support import Shown, displacements, dotted_still, jitter, raw_frames

pytestmark = pytest.mark.ffmpeg

MOST_RMS_PX = 0.03
MOST_WORST_PX = 0.08
STILL = (1800, 1200)
SIGMA = 6.0
FRAMES = 40

Facts = Callable[[File], MediaFile]


@pytest.fixture(scope="module")
def dots(tmp_path_factory: pytest.TempPathFactory) -> tuple[File, list[tuple[float, float]]]:
    file = tmp_path_factory.mktemp("dots") / "dots.png"
    return file, dotted_still(file, *STILL, every=150, sigma=SIGMA)


def filmed(still: MediaFile, way: Path, size: tuple[int, int], binaries: Binaries, folder: File) -> Shown:
    media = Media({"still": still})
    camera = KenBurns(*size, frame_rate=Fraction(30), frames=FRAMES, path=way)
    return raw_frames(Clip(media.image("still", frame_rate=Fraction(30)).apply(camera)), binaries, folder)


def seen(way: Path) -> list[Rect]:
    return [way.at(number / (FRAMES - 1)) for number in range(FRAMES)]


def random_way(seed: int) -> Path:
    """A motion that zooms and pans at once, between any two places."""
    chance = random.Random(seed)
    ends = []
    for _ in range(2):
        zoom = chance.uniform(1, 1.6)
        width, height = STILL[0] / zoom, STILL[0] / zoom * 9 / 16
        x, y = chance.uniform(0, STILL[0] - width), chance.uniform(0, STILL[1] - height)
        ends.append(Rect(x, y, width, height))
    return Path(ends[0], ends[1], chance.choice(["linear", "smooth"]))


NAMED = [path(Framing(*STILL, 640, 360), motion, zoom=1.2) for motion in Motion if motion is not Motion.NONE]
WAYS = {
    **{str(motion): way for motion, way in zip(Motion, NAMED, strict=False)},
    **{f"random {seed}": random_way(seed) for seed in range(6)},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_no_motion_trembles(
    way: Path,
    dots: tuple[File, list[tuple[float, float]]],
    still_facts: Facts,
    binaries: Binaries,
    tmp_path: File,
) -> None:
    file, centres = dots
    shown = filmed(still_facts(file), way, (640, 360), binaries, tmp_path)
    found = displacements(shown.y, seen(way), centres, sigma=SIGMA)
    rms, worst = jitter(found)
    assert len(shown.y) == FRAMES
    assert rms <= MOST_RMS_PX
    assert worst <= MOST_WORST_PX
    assert np.nanmax(abs(found)) <= MOST_WORST_PX


def test_full_hd_trembles_no_more_on_old_and_new_ffmpeg(
    dots: tuple[File, list[tuple[float, float]]], still_facts: Facts, each_binaries: Binaries, tmp_path: File
) -> None:
    file, centres = dots
    way = random_way(11)
    shown = filmed(still_facts(file), way, (1920, 1080), each_binaries, tmp_path)
    rms, worst = jitter(displacements(shown.y, seen(way), centres, sigma=SIGMA))
    assert rms <= MOST_RMS_PX
    assert worst <= MOST_WORST_PX


def test_perspective_takes_over_where_no_plan_is_exact_enough(
    dots: tuple[File, list[tuple[float, float]]],
    still_facts: Facts,
    each_binaries: Binaries,
    tmp_path: File,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filters, "sheet_of", lambda shot: None)
    file, centres = dots
    way = random_way(4)
    still = still_facts(file)
    picture = VideoFormat(width=STILL[0], height=STILL[1], frame_rate=Fraction(30), duration_s=1 / 30, pix_fmt="gray")
    camera = KenBurns(640, 360, frame_rate=Fraction(30), frames=FRAMES, path=way)
    assert len(camera.implementations(picture)) == 1
    shown = filmed(still, way, (640, 360), each_binaries, tmp_path)
    rms, worst = jitter(displacements(shown.y, seen(way), centres, sigma=SIGMA))
    assert rms <= 0.01
    assert worst <= 0.03


def test_colour_moves_with_the_brightness(still_facts: Facts, binaries: Binaries, tmp_path: File) -> None:
    """A coloured edge stays where the grey edge is: chroma is at half the size and must not lag."""
    file = tmp_path / "edge.png"
    stripe = np.full((1200, 1800, 3), (40, 40, 200), np.uint8)
    stripe[:, 900:] = (200, 60, 40)
    Image.fromarray(stripe).save(file)
    way = path(Framing(*STILL, 640, 360), Motion.PAN_RIGHT, zoom=1.3)
    shown = filmed(still_facts(file), way, (640, 360), binaries, tmp_path)
    for frame, rect in enumerate(seen(way)):
        wanted = (900 - rect.x) * 640 / rect.width
        row = shown.v[frame, 90].astype(float)
        crossed = np.interp((row.min() + row.max()) / 2, row, np.arange(len(row)) + 0.5) * 2
        assert abs(crossed - wanted) < 0.4


def test_a_camera_at_rest_gives_the_same_frame_every_time(
    dots: tuple[File, list[tuple[float, float]]], still_facts: Facts, binaries: Binaries, tmp_path: File
) -> None:
    file, centres = dots
    way = path(Framing(*STILL, 640, 360), Motion.NONE, zoom=1.2)
    shown = filmed(still_facts(file), way, (640, 360), binaries, tmp_path)
    assert (shown.y == shown.y[0]).all()
    assert (shown.u == shown.u[0]).all()
    found = displacements(shown.y[:1], seen(way)[:1], centres, sigma=SIGMA)
    assert np.nanmax(abs(found)) <= 0.5
