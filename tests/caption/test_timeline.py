"""Which frames show which cues."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apigpu.formats import VideoFormat
from apigpu_caption.cues import Cue, Span
from apigpu_caption.timeline import MAX_AT_ONCE, State, moment_cs, shown_on, states_of, video_end_cs

RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60)]


def video(rate: Fraction = Fraction(25), duration_s: float = 10.0, **more: object) -> VideoFormat:
    return VideoFormat(width=640, height=360, frame_rate=rate, duration_s=duration_s, **more)  # type: ignore[arg-type]


def cue(start_ms: int, end_ms: int, *, number: int = 1, text: str = "text") -> Cue:
    return Cue(number, start_ms, end_ms, (Span(text),))


@given(st.sampled_from(RATES), st.integers(0, 3_600_000))
def test_a_moment_parts_the_frames_before_it_from_those_after(rate: Fraction, time_ms: int) -> None:
    """With room for a jitter of 2 ms on both sides, as containers that count in milliseconds have."""
    moment_s = Fraction(moment_cs(time_ms, video(rate)), 100)
    least_s = Fraction(2 * time_ms - 1, 2000)
    first = next(n for n in range(int(time_ms * rate / 1000) - 1, 10**9) if n / rate >= least_s)
    if first <= 0:
        assert moment_s == 0
    else:
        assert (first - 1) / rate + Fraction(2, 1000) <= moment_s <= first / rate - Fraction(2, 1000)


def test_uneven_frames_get_the_nearest_hundredth() -> None:
    assert [moment_cs(ms, video(is_vfr=True)) for ms in (0, 4, 5, 1234, -50)] == [0, 0, 1, 123, 0]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "reason"),
    [
        (1000, 1000, "no_duration"),
        (2000, 1000, "no_duration"),
        (-2000, -1000, "before_start"),
        (10_000, 11_000, "after_end"),
        (9990, 9999, "after_end"),
        (1001, 1002, "between_frames"),
    ],
)
def test_cues_that_no_frame_shows_are_told_with_the_reason(start_ms: int, end_ms: int, reason: str) -> None:
    shown, lost, _ = shown_on(video(), [cue(start_ms, end_ms)])
    assert shown == []
    assert [item.reason for item in lost] == [reason]


def test_a_cue_longer_than_the_video_ends_with_it() -> None:
    shown, lost, cut = shown_on(video(), [cue(9000, 99_000)])
    assert (shown[0].end_cs, lost) == (video_end_cs(video()), [])
    assert [item.reason for item in cut] == ["past_end"]


def test_a_video_of_unknown_length_hides_no_cue() -> None:
    shown, lost, cut = shown_on(video(duration_s=0.0), [cue(3_000_000, 10**12)])
    assert (len(shown), lost, cut) == (1, [], [])


def test_cues_that_overlap_make_a_state_for_every_change() -> None:
    one, two = cue(1000, 3000, number=1), cue(2000, 4000, number=2, text="other")
    states, _ = states_of(shown_on(video(), [two, one])[0])
    assert states == [State(98, 198, (one,)), State(198, 298, (one, two)), State(298, 398, (two,))]


def test_equal_cues_that_follow_each_other_are_one_state() -> None:
    states, _ = states_of(shown_on(video(), [cue(1000, 2000), cue(2000, 3000, number=2)])[0])
    assert [(state.start_cs, state.end_cs) for state in states] == [(98, 298)]


def test_more_cues_at_once_than_a_screen_takes_are_told() -> None:
    crowd = [cue(0, 5000, number=number, text=str(number)) for number in range(1, 21)]
    states, crowded = states_of(shown_on(video(), crowd)[0])
    assert [len(state.cues) for state in states] == [MAX_AT_ONCE]
    assert [item.label for item in crowded][:1] == [f"{MAX_AT_ONCE + 1} (0:00:00.000)"]


CUES = st.lists(st.tuples(st.integers(-500, 3000), st.integers(-100, 1500), st.sampled_from("abc")), max_size=12)


@settings(max_examples=50)
@given(CUES, st.sampled_from(RATES))
def test_at_every_frame_the_state_holds_just_the_cues_of_that_time(
    times: list[tuple[int, int, str]], rate: Fraction
) -> None:
    short = video(rate, 2.0)
    cues = [cue(start, start + length, number=n, text=text) for n, (start, length, text) in enumerate(times)]
    shown, lost, _ = shown_on(short, cues)
    states, crowded = states_of(shown)
    assert len(shown) + len(lost) == len(cues)
    assert crowded == []
    for frame in range(short.frames):
        at = frame / rate
        wanted = sorted(
            item.text
            for item in cues
            if Fraction(2 * item.start_ms - 1, 2000) <= at < Fraction(2 * item.end_ms - 1, 2000) and item.end_ms > 0
        )
        found = [state for state in states if Fraction(state.start_cs, 100) <= at < Fraction(state.end_cs, 100)]
        assert sorted(item.text for state in found for item in state.cues) == wanted
