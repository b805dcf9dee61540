"""What the frames look like: shape, edges, colour, orientation, transparency, and stills of odd sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from apigpu.errors import InputError
from apigpu.ffmpeg.binary import Binaries
from img2vid_support import Picture, Shown

pytestmark = pytest.mark.ffmpeg

Film = Callable[..., Shown]
SHORT = {"duration": 0.5, "frame_rate": 20, "width": 320, "height": 180}
SHAPES = {
    "4:3": (1200, 900),
    "1:1": (800, 800),
    "portrait": (600, 1068),
    "16:9": (1280, 720),
    "panorama": (3000, 500),
}


def with_circle(file: File, size: tuple[int, int]) -> File:
    """A white disc in the middle of a grey still, as wide as a third of its shorter side."""
    picture = Image.new("L", size, 60)
    radius = min(size) / 6
    middle = (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(picture).ellipse(
        (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius), fill=255
    )
    picture.save(file)
    return file


def spread(luma: Picture) -> tuple[float, float]:
    """Standard deviations, across and down, of where the bright disc is: equal for a circle."""
    weight = np.clip(luma.astype(float) - 120, 0, None)
    ys, xs = np.mgrid[: luma.shape[0], : luma.shape[1]]
    middle = [(weight * places).sum() / weight.sum() for places in (xs, ys)]
    across, down = (
        ((weight * (places - at) ** 2).sum() / weight.sum()) ** 0.5
        for places, at in zip((xs, ys), middle, strict=True)
    )
    return across, down


def crossings(row: Any, level: float) -> list[float]:
    """Where a row of pixels passes a level, counted so that pixel 0 reaches from 0 to 1."""
    values = row.astype(float) - level
    at = np.flatnonzero(values[:-1] * values[1:] < 0)
    return [float(i + 0.5 + values[i] / (values[i] - values[i + 1])) for i in at]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit", ["cover", "contain"])
@pytest.mark.parametrize("motion", ["zoom_in", "none"])
def test_a_circle_stays_a_circle(shape: str, fit: str, motion: str, film: Film, tmp_path: File) -> None:
    still = with_circle(tmp_path / "circle.png", SHAPES[shape])
    shown = film(still, fit=fit, motion=motion, **SHORT)
    for luma in (shown.y[0], shown.y[-1]):
        across, down = spread(luma)
        assert abs(across / down - 1) < 0.012


def test_stretch_is_done_only_when_asked_for(film: Film, tmp_path: File) -> None:
    still = with_circle(tmp_path / "circle.png", (800, 800))
    across, down = spread(film(still, fit="stretch", **SHORT).y[0])
    assert across / down == pytest.approx(16 / 9, rel=0.02)


@pytest.mark.parametrize("motion", ["zoom_in", "zoom_out", "pan_right", "pan_left", "none"])
def test_the_edges_of_the_picture_are_where_the_path_begins_and_ends(motion: str, film: Film, tmp_path: File) -> None:
    """A white field whose soft sides lie 30 pixels inside a black still of the output's shape."""
    across = np.arange(1280) + 0.5
    ramp = np.clip((across - 30) / 24 + 0.5, 0, 1) * np.clip((1250 - across) / 24 + 0.5, 0, 1)
    picture = np.tile((255 * ramp).round().astype(np.uint8), (720, 1))
    still = tmp_path / "field.png"
    Image.fromarray(picture).save(still)
    shown = film(still, motion=motion, zoom=1.25, **SHORT)
    first, last = (crossings(shown.y[frame][90], 125.6) for frame in (0, -1))
    whole, left, right = [7.5, 312.5], [9.375], [310.625]
    wanted = {
        "zoom_in": (whole, []),
        "zoom_out": ([], whole),
        "pan_right": (left, right),
        "pan_left": (right, left),
        "none": (whole, whole),
    }[motion]
    assert first == pytest.approx(wanted[0], abs=0.06)
    assert last == pytest.approx(wanted[1], abs=0.06)


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_colours_are_those_of_the_still(
    kind: str, subsampling: int, film: Film, each_binaries: Binaries, tmp_path: File
) -> None:
    """Against Pillow's decoding of the same file; a player reads limited-range BT.709."""
    y, x = np.mgrid[:360, :640]
    waves = [128 + 120 * np.sin(x / 97 + y / 150), 128 + 120 * np.sin(y / 83), 128 + 120 * np.cos(x / 140 - y / 61)]
    picture = np.stack(waves, -1).round().astype(np.uint8)
    picture[:60, :320], picture[:60, 320:] = 255, 0
    still = tmp_path / f"waves.{kind}"
    Image.fromarray(picture).save(still, quality=97, subsampling=subsampling)
    told = np.asarray(Image.open(still).convert("RGB")).astype(float)
    shown = film(still, by=each_binaries, motion="none", **{**SHORT, "width": 640, "height": 360}).rgb(0)
    error = shown[70:, 4:-4] - told[70:, 4:-4]
    assert abs(error).mean() < 2.5
    assert abs(error.mean((0, 1))).max() < 1.0
    assert shown[30, 100] == pytest.approx([255] * 3, abs=1)
    assert shown[30, 500] == pytest.approx([0] * 3, abs=1)


def test_a_moving_camera_keeps_the_colours(film: Film, each_binaries: Binaries, tmp_path: File) -> None:
    still = tmp_path / "red.jpg"
    Image.new("RGB", (1000, 700), (200, 30, 60)).save(still, quality=95)
    told = np.asarray(Image.open(still))[350, 500]
    shown = film(still, by=each_binaries, motion="zoom_in", **SHORT).rgb(-1)
    assert shown[90, 160] == pytest.approx(told, abs=2.5)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["Landscape_3.jpg", "Landscape_6.jpg", "Landscape_8.jpg", "Portrait_5.jpg"])
@pytest.mark.parametrize("motion", ["zoom_out", "none"])
def test_every_orientation_comes_out_upright(name: str, motion: str, corpus: File, film: Film) -> None:
    from PIL import ImageOps

    still = corpus / "photo" / name
    upright = ImageOps.exif_transpose(Image.open(still)).convert("RGB")
    size = {"width": 360, "height": 240} if name.startswith("Landscape") else {"width": 240, "height": 360}
    shown = film(still, motion=motion, **{**SHORT, **size}).rgb(-1)
    wanted = np.asarray(upright.resize((size["width"], size["height"]), Image.Resampling.LANCZOS)).astype(float)
    assert abs(shown - wanted).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_of_the_eight_orientations_is_undone(orientation: int, film: Film, tmp_path: File) -> None:
    """One colour a corner of the stored picture, and Pillow to say where each belongs."""
    from PIL import ImageOps

    picture = Image.new("RGB", (300, 200))
    for at, colour in {(0, 0): "red", (150, 0): "lime", (0, 100): "blue", (150, 100): "white"}.items():
        picture.paste(colour, (*at, at[0] + 150, at[1] + 100))
    exif = Image.Exif()
    exif[0x0112] = orientation
    still = tmp_path / "corners.jpg"
    picture.save(still, exif=exif, quality=95)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(still)).convert("RGB")).astype(float)
    shown = film(still, motion="pan_right", zoom=1.01, fit="stretch", **SHORT).rgb(0)
    for down, across in ((0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
        told = upright[int(down * upright.shape[0]), int(across * upright.shape[1])]
        assert shown[int(down * 180), int(across * 320)] == pytest.approx(told, abs=6)


@pytest.mark.parametrize("motion", ["zoom_in", "none"])
def test_bars_have_the_colour_that_was_asked_for(
    motion: str, film: Film, each_binaries: Binaries, tmp_path: File
) -> None:
    still = tmp_path / "tall.png"
    Image.new("RGB", (400, 800), "white").save(still)
    shown = film(still, by=each_binaries, fit="contain", background="#c83c14", motion=motion, **SHORT)
    picture = shown.rgb(0)
    assert picture[90, 20] == pytest.approx([0xC8, 0x3C, 0x14], abs=3)
    assert picture[90, 300] == pytest.approx([0xC8, 0x3C, 0x14], abs=3)
    assert picture[3, 160] == pytest.approx([255] * 3, abs=1)
    assert crossings(shown.y[0][90], 150) == pytest.approx([115, 205], abs=1.1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_shows_the_background(
    mode: str, film: Film, each_binaries: Binaries, tmp_path: File
) -> None:
    """Clear pixels hide red: none of it may bleed out, and half-clear white over green is the mean of both."""
    picture = Image.new("RGBA", (401, 301), (255, 0, 0, 0) if mode != "LA" else (90, 90, 90, 0))
    picture.paste((255, 255, 255, 255), (200, 0, 401, 150))
    picture.paste((255, 255, 255, 128 if mode != "P" else 255), (200, 150, 401, 301))
    still = tmp_path / "clear.png"
    picture.convert(mode).save(still)
    shown = film(still, by=each_binaries, background="#008000", motion="zoom_out", fit="stretch", **SHORT).rgb(-1)
    assert shown[40, 100] == pytest.approx([0, 128, 0], abs=3)
    assert shown[40, 250] == pytest.approx([255] * 3, abs=1)
    if mode != "P":
        assert shown[140, 250] == pytest.approx([128, 192, 128], abs=3)
    assert shown[40, :158, 0].max() < 8


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (3, 2), (1, 400), (641, 1), (101, 77)])
@pytest.mark.parametrize("motion", ["zoom_in", "pan_down", "none"])
def test_tiny_and_odd_stills_fill_a_right_video(
    size: tuple[int, int], motion: str, film: Film, tmp_path: File
) -> None:
    still = tmp_path / "tiny.jpg"
    Image.new("RGB", size, (90, 160, 220)).save(still, quality=95)
    shown = film(still, motion=motion, duration=0.2, frame_rate=20, width=64, height=36)
    assert len(shown.y) == 4
    assert shown.rgb(0)[18, 32] == pytest.approx([90, 160, 220], abs=5)
    assert np.ptp(shown.y.astype(int)) <= 2


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (1, 20), (101, 77)])
@pytest.mark.parametrize("motion", ["zoom_out", "pan_right", "none"])
def test_tiny_stills_are_shown_whole_on_a_ground(
    size: tuple[int, int], motion: str, film: Film, tmp_path: File
) -> None:
    still = tmp_path / "tiny.jpg"
    Image.new("RGB", size, (90, 160, 220)).save(still, quality=95)
    shown = film(still, motion=motion, fit="contain", duration=0.2, frame_rate=20, width=160, height=90)
    assert len(shown.y) == 4
    if motion != "pan_right":
        assert shown.rgb(-1)[45, 80] == pytest.approx([90, 160, 220], abs=8)
        assert shown.rgb(-1)[45, 2] == pytest.approx([0, 0, 0], abs=2)


def test_a_line_of_pixels_cannot_be_shown_whole(film: Film, tmp_path: File) -> None:
    still = tmp_path / "line.png"
    Image.new("L", (1, 4000), 200).save(still)
    with pytest.raises(InputError, match=r"url_image: an image of 1x4000 would be a line"):
        film(still, fit="contain", **SHORT)


def test_a_hundred_megapixels_become_a_small_video(film: Film, tmp_path: File) -> None:
    still = tmp_path / "huge.png"
    Image.new("L", (11000, 9000), 130).save(still, compress_level=1)
    shown = film(still, motion="pan_right", **SHORT)
    assert len(shown.y) == 10
    assert np.ptp(shown.y.astype(int)) <= 2
