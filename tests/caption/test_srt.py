"""SubRip as people and programs write it: no cue is lost without a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu_caption.cues import Reading
from apigpu_caption.srt import MAX_TEXT, read_srt


def shown(reading: Reading) -> list[tuple[int, int, str]]:
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in reading.cues]


def lost(reading: Reading) -> list[tuple[str, str]]:
    return [(item.reason, item.label) for item in reading.lost]


def test_an_ordinary_file_is_read() -> None:
    reading = read_srt("1\n00:00:01,000 --> 00:00:02,500\nFirst\nline\n\n2\n00:01:02,003 --> 01:00:00,000\nSecond\n")
    assert shown(reading) == [(1000, 2500, "First\nline"), (62003, 3_600_000, "Second")]
    assert reading.lost == ()


@pytest.mark.parametrize(
    ("line", "start_ms", "end_ms"),
    [
        ("00:00:01.000 --> 00:00:02.000", 1000, 2000),
        ("00:00:1,5 --> 00:00:2,25", 1500, 2250),
        ("00:00:01 --> 00:00:02", 1000, 2000),
        ("01:02,000 --> 01:03,000", 62000, 63000),
        ("00:00:01,000 --> 00:00:02,000 X1:40 X2:600 Y1:20 Y2:50", 1000, 2000),
        ("  00:00:01,000-->00:00:02,000  ", 1000, 2000),
        ("00:00:01,000 -> 00:00:02,000", 1000, 2000),
        ("120:00:01,000 --> 120:00:02,000", 432_001_000, 432_002_000),
        ("-00:00:01,000 --> 00:00:02,000", -1000, 2000),
        ("00:00:01,000 --> 00:00:00,500", 1000, 500),
        ("٠٠:٠٠:٠١,٠٠٠ --> ٠٠:٠٠:٠٢,٠٠٠", 1000, 2000),
    ],
)
def test_times_are_read_in_every_spelling(line: str, start_ms: int, end_ms: int) -> None:
    assert shown(read_srt(f"1\n{line}\nText\n")) == [(start_ms, end_ms, "Text")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_serve(end: str) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nOne\ntwo\n\n2\n00:00:03,000 --> 00:00:04,000\nThree"
    assert [cue.text for cue in read_srt(text.replace("\n", end)).cues] == ["One\ntwo", "Three"]


def test_numbers_and_blank_lines_may_be_missing() -> None:
    times = ["00:00:01,000 --> 00:00:02,000", "00:00:03,000 --> 00:00:04,000", "00:00:05,000 --> 00:00:06,000"]
    without_numbers = f"{times[0]}\nOne\n\n{times[1]}\nTwo\n\n{times[2]}\nThree"
    without_blanks = f"1\n{times[0]}\nOne\n2\n{times[1]}\nTwo\n3\n{times[2]}\nThree"
    for text in (without_numbers, without_blanks):
        assert [cue.text for cue in read_srt(text).cues] == ["One", "Two", "Three"]


def test_blank_lines_inside_a_text_keep_what_follows() -> None:
    reading = read_srt("1\n00:00:01,000 --> 00:00:02,000\nOne\n\nstill one\n\n1984\nwas a year\n")
    assert [cue.text for cue in reading.cues] == ["One\nstill one\n1984\nwas a year"]


def test_a_line_of_times_that_cannot_be_read_is_told_and_takes_its_text_along() -> None:
    first, last = "1\n00:00:01,000 --> 00:00:02,000\nOne", "3\n00:00:05,000 --> 00:00:06,000\nThree"
    reading = read_srt(f"{first}\n\n2\n00:00:0x,000 --> 00:00:04,000\nTwo\n\n{last}")
    assert [cue.text for cue in reading.cues] == ["One", "Three"]
    assert lost(reading) == [("broken_time", "line 6")]


def test_a_numbered_text_without_times_is_told() -> None:
    reading = read_srt("1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\nTwo\n\n3\n00:00:05,000 --> 00:00:06,000\nThree")
    assert [cue.text for cue in reading.cues] == ["One", "Three"]
    assert lost(reading) == [("no_time", "line 5")]


def test_cues_without_text_are_told_by_number_and_time() -> None:
    reading = read_srt("1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\n<i> </i>\n")
    assert shown(reading) == []
    assert lost(reading) == [("empty_text", "1 (0:00:01.000)"), ("empty_text", "2 (0:00:03.000)")]


def test_an_arrow_in_a_text_is_text() -> None:
    reading = read_srt("1\n00:00:01,000 --> 00:00:02,000\nA --> B -> C\n")
    assert [cue.text for cue in reading.cues] == ["A --> B -> C"]


def test_an_endless_text_is_cut_and_told() -> None:
    reading = read_srt("1\n00:00:01,000 --> 00:00:02,000\n" + "word " * 1000)
    assert len(reading.cues[0].text) == MAX_TEXT
    assert [item.reason for item in reading.altered] == ["text_cut"]


PIECES = st.sampled_from(
    [
        "\n",
        "\r",
        "\n\n",
        "1",
        "2\n",
        "00:00:01,000 --> 00:00:02,000",
        "00:00:01.5-->0:2\n",
        "00:0x:01 --> 00:00:02\n",
        " --> ",
        "text",
        "<i>",
        "</b>",
        "{\\an8}",
        "{",
        "\\N",
        ":",
        "٣",
        "\x00",
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join))
def test_whatever_the_file_every_line_of_times_is_shown_or_told(text: str) -> None:
    from apigpu_caption.clocks import is_broken_timing, timing

    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines_of_times = sum(timing(line) is not None or is_broken_timing(line) for line in lines)
    reading = read_srt(text)
    without_times = sum(item.reason == "no_time" for item in reading.lost)
    assert reading.entries - without_times == lines_of_times
    assert all(cue.text.strip() for cue in reading.cues)
