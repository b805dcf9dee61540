"""WebVTT: blocks, settings and tags."""

from __future__ import annotations

import pytest

from apigpu_caption.vtt import placed, read_vtt

TIMES = "00:01.000 --> 00:02.000"


def test_notes_styles_and_regions_are_no_captions() -> None:
    head = "WEBVTT - title\nKind: captions\n\nNOTE\nhidden\n\nSTYLE\n::cue {}\n\nREGION\nid:a"
    reading = read_vtt(f"{head}\n\nname\n{TIMES}\nShown\n")
    assert [cue.text for cue in reading.cues] == ["Shown"]
    assert reading.lost == ()


def test_a_block_without_times_is_told() -> None:
    reading = read_vtt(f"WEBVTT\n\n{TIMES}\nShown\n\nForgotten\n")
    assert [(item.reason, item.label) for item in reading.lost] == [("no_time", "line 6")]


def test_blocks_without_a_blank_line_between_are_two() -> None:
    reading = read_vtt(f"WEBVTT\n\n{TIMES}\nOne\n00:03.000 --> 00:04.000\nTwo\n")
    assert [cue.text for cue in reading.cues] == ["One", "Two"]


def test_voices_classes_rubies_and_stamps_leave_their_text() -> None:
    text = "<v Ann>Hi <c.red>you</c> <00:01.500><ruby>A<rt>b</rt></ruby> &lt;i&gt; &amp;"
    reading = read_vtt(f"WEBVTT\n\n{TIMES}\n{text}\n")
    assert reading.cues[0].text == "Hi you Ab <i> &"
    assert reading.altered == ()


@pytest.mark.parametrize(
    ("settings", "position"),
    [
        ("", None),
        ("size:50% vertical:rl", None),
        ("line:0", "top_center"),
        ("line:-1", "bottom_center"),
        ("line:10%", "top_center"),
        ("line:50% align:left", "middle_left"),
        ("line:90%,end align:end", "bottom_right"),
        ("align:start position:10%", "bottom_left"),
        ("align:center", None),
        ("line:none", None),
    ],
)
def test_settings_give_the_nearest_of_nine_places(settings: str, position: str | None) -> None:
    assert placed(settings) == position
