"""Camera paths."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu_img2vid.motion import Fit, Framing, Motion, Path, Rect, path

SIZES = st.integers(1, 20000)
FRAMES = st.integers(8, 2048).map(lambda half: 2 * half)
MOTIONS = st.sampled_from(list(Motion))
FITS: st.SearchStrategy[Fit] = st.sampled_from(["cover", "contain", "stretch"])
SHARES = st.floats(0, 1)


def test_a_path_is_exact_at_its_ends() -> None:
    way = Path(Rect(0.1, 0.2, 3.3, 1.1), Rect(0.7, 0.3, 2.9, 0.9666), "smooth")
    assert way.at(0) == way.start
    assert way.at(1) == way.end


def test_a_zoom_magnifies_by_equal_factors_in_equal_times() -> None:
    way = path(Framing(1920, 1080, 1920, 1080), Motion.ZOOM_IN, zoom=1.5)
    widths = [way.at(step / 10).width for step in range(11)]
    ratios = [after / before for before, after in pairwise(widths)]
    assert ratios == pytest.approx([1.5**-0.1] * 10)


def test_a_zoom_keeps_its_centre_where_it_is() -> None:
    way = path(Framing(4000, 3000, 1920, 1080), Motion.ZOOM_IN, zoom=1.4)
    centres = [(r.x + r.width / 2, r.y + r.height / 2) for r in (way.at(step / 10) for step in range(11))]
    assert all(centre == pytest.approx((2000, 1500)) for centre in centres)


def test_pan_right_begins_at_the_left_edge_and_ends_at_the_right_one() -> None:
    way = path(Framing(4000, 3000, 1920, 1080), Motion.PAN_RIGHT, zoom=1.25)
    assert way.start.x == 0
    assert way.end.x + way.end.width == pytest.approx(4000)
    assert way.start.width == way.end.width == pytest.approx(3200)


def test_pan_up_over_a_portrait_crosses_the_whole_picture() -> None:
    way = path(Framing(1080, 1920, 1920, 1080), Motion.PAN_UP, zoom=1.1)
    assert way.start.y + way.start.height == pytest.approx(1920)
    assert way.end.y == 0


def test_an_endless_panorama_is_crossed_in_part() -> None:
    way = path(Framing(200_000, 1000, 1920, 1080), Motion.PAN_RIGHT, zoom=1.2)
    assert way.end.x - way.start.x < 32 * way.start.width


@given(width=SIZES, height=SIZES, out_w=FRAMES, out_h=FRAMES, motion=MOTIONS, fit=FITS, x=SHARES, y=SHARES)
def test_the_camera_never_leaves_the_stage_and_never_distorts(
    width: int, height: int, out_w: int, out_h: int, motion: Motion, fit: Fit, x: float, y: float
) -> None:
    framing = Framing(width, height, out_w, out_h, fit, x, y)
    way = path(framing, motion, zoom=1.3)
    stage = framing.stage
    for progress in (0, 0.3, 1):
        seen = way.at(progress)
        slack = 1e-6 * max(stage.width, stage.height)
        assert stage.x - slack <= seen.x <= stage.x + stage.width - seen.width + slack
        assert stage.y - slack <= seen.y <= stage.y + stage.height - seen.height + slack
        if fit != "stretch":
            assert math.isclose(seen.width / seen.height, out_w / out_h, rel_tol=1e-9)


def test_the_focus_chooses_what_cover_keeps() -> None:
    top = path(Framing(1000, 3000, 1000, 1000, focus_y=0.0), Motion.NONE, zoom=1.2)
    low = path(Framing(1000, 3000, 1000, 1000, focus_y=0.9), Motion.NONE, zoom=1.2)
    assert (top.start.y, low.start.y) == (0, 2000)
