"""Rates from timestamps that a container has rounded, reordered or cut."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu.media.describe import bit_depth, ratio, tagged_length_s
from apigpu.media.timing import Packet, Rate, frame_times, measure_rate, stream_end_s

USUAL = [
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60),
]


@given(st.sampled_from(USUAL), st.integers(60, 400), st.sampled_from([1000, 90000, 600]), st.floats(0, 10_000))
def test_a_usual_rate_survives_the_rounding_of_clocks(rate: Fraction, count: int, clock: int, start_s: float) -> None:
    times = [round((start_s + number / rate) * clock) / clock for number in range(count)]
    found = measure_rate(times, [])
    assert found is not None
    assert found.is_even
    assert abs(float(1 / found.average - 1 / rate)) * count <= 0.003  # seconds, over the whole of it


@given(st.sampled_from(USUAL), st.integers(10, 200))
def test_a_lost_frame_makes_the_rate_uneven(rate: Fraction, lost: int) -> None:
    times = [float(number / rate) for number in range(250) if number != lost]
    found = measure_rate(times, [rate])
    assert found is not None
    assert not found.is_even


@given(st.lists(st.floats(0, 1000), max_size=50))
def test_any_times_give_a_positive_rate_or_none(times: list[float]) -> None:
    found = measure_rate(sorted(times), [])
    assert found is None or found.average > 0


def test_what_the_file_says_is_kept_where_it_fits() -> None:
    times = [round(number / 29.97, 3) for number in range(200)]
    assert measure_rate(times, [Fraction(2997, 100), Fraction(30)]) == Rate(Fraction(2997, 100), is_even=True)
    assert measure_rate(times, [Fraction(1000), Fraction(60)]) == Rate(Fraction(30000, 1001), is_even=True)


def test_a_shifted_first_frame_does_not_spoil_the_rate() -> None:
    times = [0.0, *(0.02 + number / 30 for number in range(1, 150))]
    assert measure_rate(times, []) == Rate(Fraction(30), is_even=False)


def packet(pts_s: float | None, dts_s: float | None = None, duration_s: float | None = None) -> Packet:
    return Packet(0, pts_s, dts_s, duration_s)


def test_frames_come_in_the_order_of_showing_without_those_that_may_have_a_hole() -> None:
    packets = [packet(float(number ^ 1)) for number in range(40)]
    assert frame_times(packets, 0, is_complete=True) == [float(number) for number in range(40)]
    assert frame_times(packets, 0, is_complete=False) == [float(number) for number in range(24)]


def test_decoding_times_stand_in_for_missing_ones() -> None:
    packets = [packet(None, float(number)) for number in range(4)]
    assert frame_times(packets, 0, is_complete=True) == [0.0, 1.0, 2.0, 3.0]
    assert frame_times([packet(None)] * 4, 0, is_complete=True) == []


def test_a_stream_ends_with_its_last_shown_frame() -> None:
    packets = [packet(0.0, duration_s=0.001), packet(0.2, duration_s=0.001), packet(0.1), packet(None)]
    assert stream_end_s(packets, 0, frame_s=0.1) == pytest.approx(0.3)
    assert stream_end_s(packets, 1, frame_s=0.1) is None


@pytest.mark.parametrize(
    ("pix_fmt", "depth"),
    [
        ("yuv420p", 8), ("yuvj444p", 8), ("nv12", 8), ("nv16", 8), ("rgb24", 8), ("pal8", 8), ("", 8),
        ("yuv420p10le", 10), ("p010le", 10), ("p016le", 16), ("gray12le", 12), ("y210le", 10), ("x2rgb10le", 10),
        ("rgb48be", 16), ("rgba64le", 16), ("ya16be", 16), ("gbrap12le", 12), ("xv36le", 12),
    ],
)  # fmt: skip
def test_bit_depth_is_read_off_the_name(pix_fmt: str, depth: int) -> None:
    assert bit_depth(pix_fmt) == depth


@pytest.mark.parametrize("text", ["0/0", "0:1", "1:0", "N/A", "", None, "-1/2", "1.5", "a/b"])
def test_a_ratio_that_is_none_is_none(text: object) -> None:
    assert ratio(text) is None


def test_matroska_writers_mean_different_things_by_duration() -> None:
    ffmpeg = {"tags": {"DURATION": "00:00:01.071000000"}}
    mkvmerge = {"tags": {"DURATION-eng": "00:00:01.010000000", "_STATISTICS_WRITING_APP-eng": "mkvmerge"}}
    assert tagged_length_s(ffmpeg, 0.062) == pytest.approx(1.009)
    assert tagged_length_s(mkvmerge, 0.129) == pytest.approx(1.010)
    assert tagged_length_s({}, 0.0) is None
