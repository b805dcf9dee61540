"""The planner: whole numbers that land on a path."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from apigpu_img2vid.motion import Path, Rect
from apigpu_img2vid.planner import TOLERANCE_PX, Plan, Span, error_px, plan

SIDES = st.integers(8, 2048).map(lambda half: 2 * half)


def spans_of(way: Path, frames: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """What `frames` frames of a way over a still of 1 x 1 show."""
    rects = [way.at(number / max(1, frames - 1)) for number in range(frames)]
    return tuple(Span(r.x, r.width) for r in rects), tuple(Span(r.y, r.height) for r in rects)


def random_way(chance: random.Random) -> Path:
    """A zoom, a pan, or both at once, anywhere on a still."""
    before, after = (1 / chance.uniform(1, 2) for _ in range(2))
    ends = [
        Rect(chance.uniform(0, 1 - s), chance.uniform(0, 1 - s), s, s)
        for s in (before, chance.choice([before, after]))
    ]
    return Path(ends[0], ends[1], chance.choice(["linear", "smooth"]))


def worst_error(found: Plan, across: tuple[Span, ...], down: tuple[Span, ...], width: int, height: int) -> float:
    return max(
        max(
            error_px(frame.across, x, size=found.stills[frame.still][0], count=width),
            error_px(frame.down, y, size=found.stills[frame.still][1], count=height),
        )
        for frame, x, y in zip(found.frames, across, down, strict=True)
    )


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 60), width=SIDES, height=SIDES)
@settings(max_examples=80, deadline=None)
def test_no_frame_of_any_plan_is_off_by_more_than_the_tolerance(
    seed: int, frames: int, width: int, height: int
) -> None:
    across, down = spans_of(random_way(random.Random(seed)), frames)
    found = plan(across, down, width=width, height=height)
    assert found is not None
    assert worst_error(found, across, down, width, height) <= TOLERANCE_PX


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 40), width=SIDES)
@settings(max_examples=60, deadline=None)
def test_every_number_is_even_and_every_crop_lies_inside_what_was_scaled(seed: int, frames: int, width: int) -> None:
    across, down = spans_of(random_way(random.Random(seed)), frames)
    found = plan(across, down, width=width, height=width)
    assert found is not None
    for frame in found.frames:
        for move in (frame.across, frame.down):
            assert not any(number % 2 for number in (move.x, move.width, move.scaled, move.skip))
            assert move.skip > 0
            assert move.skip + width < move.scaled <= width + 160


def test_a_minute_of_full_hd_is_planned_with_few_copies_of_the_still() -> None:
    chance = random.Random(7)
    for _ in range(4):
        found = plan(*spans_of(random_way(chance), 1800), width=1920, height=1080)
        assert found is not None
        assert len(found.stills) <= 5


def test_a_pan_keeps_one_scale_so_that_no_scaler_is_set_up_twice() -> None:
    across, down = spans_of(Path(Rect(0, 0.1, 0.8, 0.8), Rect(0.2, 0.1, 0.8, 0.8)), 150)
    found = plan(across, down, width=1920, height=1080)
    assert found is not None
    assert len(found.stills) == 1
    assert len({(frame.across.width, frame.across.scaled, frame.down) for frame in found.frames}) == 1


def test_the_same_path_gives_the_same_plan() -> None:
    spans = spans_of(random_way(random.Random(3)), 50)
    assert plan(*spans, width=1280, height=720) == plan(*spans, width=1280, height=720)
