"""Our own ASS: whatever a cue says, it is shown and never obeyed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu_caption import Style
from apigpu_caption.ass import Canvas, escaped, script, size_px
from apigpu_caption.colours import ass_colour, colour_of
from apigpu_caption.cues import Cue, Span
from apigpu_caption.markup import read_markup
from apigpu_caption.timeline import State

FULL_HD = Canvas.whole(1920, 1080)
OURS = re.compile(r"\{(?:\\(?:[ibus]1?|c(?:&H[0-9A-F]{6}&)?|an[1-9]))+\}")
LINE_BREAKS = re.compile(r"[\u2028\u2029]")
INVISIBLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ufeff]")


def cue(text: str, **more: object) -> Cue:
    return Cue(1, 0, 1000, (Span(text),), **more)  # type: ignore[arg-type]


def events(content: bytes) -> list[str]:
    """The texts of a script's events."""
    lines = content.decode().split("\n")
    return [line.split(",", 9)[9] for line in lines if line.startswith("Dialogue: ")]


def as_libass_reads(text: str) -> tuple[list[str], str]:
    """The override blocks of an event, and what it shows, by the rules of libass's parser."""
    blocks: list[str] = []
    shown: list[str] = []
    at = 0
    while at < len(text):
        pair = text[at : at + 2]
        if pair in {"\\{", "\\}"}:
            shown.append(pair[1])
            at += 2
        elif pair in {"\\N", "\\n"}:
            shown.append("\n")
            at += 2
        elif pair == "\\h":
            shown.append("\xa0")
            at += 2
        elif text[at] == "{" and "}" in text[at:]:
            end = text.index("}", at) + 1
            blocks.append(text[at:end])
            at = end
        else:
            shown.append(text[at])
            at += 1
    return blocks, "".join(shown).replace("\\\u2060", "\\")


TELLING = "{}\\Nnhip1ab&<>/ \n\r\t,;:\u2028\x00\ufeff\u2060é字"
HOSTILE = st.text(st.sampled_from(TELLING) | st.characters(), max_size=60)


@given(HOSTILE)
def test_any_text_is_shown_as_it_stands(text: str) -> None:
    blocks, shown = as_libass_reads(escaped(text))
    wanted = INVISIBLE.sub("", LINE_BREAKS.sub("\n", text.replace("\t", " "))).replace("\\\u2060", "\\")
    assert blocks == []
    assert shown == wanted


@given(HOSTILE, st.booleans())
def test_any_cue_becomes_one_event_with_none_but_our_own_codes(text: str, vtt: bool) -> None:
    spans = read_markup(text, vtt=vtt).spans
    content = script([State(0, 100, (Cue(1, 0, 1000, spans),))], Style(), FULL_HD)
    (event,) = events(content)
    blocks, shown = as_libass_reads(event)
    assert all(OURS.fullmatch(block) for block in blocks)
    plain = "".join(span.text for span in spans).encode("utf-8", "replace").decode()
    assert shown == as_libass_reads(escaped(plain))[1]
    assert len(re.findall(r"[\n\r\x0b\x0c\x85]", content.decode())) == content.count(b"\n")


@given(HOSTILE)
def test_another_reader_finds_the_same_events(text: str) -> None:
    pysubs2 = pytest.importorskip("pysubs2")
    states = [State(0, 123, (cue("a" + text),)), State(360000, 4000000, (cue("b"),))]
    parsed = pysubs2.SSAFile.from_string(script(states, Style(), FULL_HD).decode(), format_="ass")
    assert [(event.start, event.end) for event in parsed] == [(0, 1230), (3_600_000, 40_000_000)]
    assert parsed.styles["Default"].fontname == "Noto Sans"


def test_appearances_change_only_where_they_must() -> None:
    spans = (Span("a"), Span("b", italic=True), Span("c", italic=True, colour="#112233"), Span("d"))
    (event,) = events(script([State(0, 100, (Cue(1, 0, 1000, spans),))], Style(), FULL_HD))
    assert event == "a{\\i1}b{\\c&H332211&}c{\\i\\c}d"


def test_cues_of_one_place_share_an_event_and_the_first_keeps_its_line() -> None:
    states = [State(0, 100, (cue("first"), cue("second"), cue("up", position="top_center")))]
    assert events(script(states, Style(), FULL_HD)) == ["second\\Nfirst", "{\\an8}up"]
    assert events(script(states, Style(position="top_center"), FULL_HD)) == ["first\\Nsecond\\Nup"]


def test_the_script_has_the_size_of_the_video_and_the_style_of_the_request() -> None:
    style = Style(size=10, primary_colour="#11223344", outline=10, bold=True, margin_vertical=10, position="top_left")
    text = script([], style, Canvas.whole(1080, 1920)).decode()
    assert "PlayResX: 1080\nPlayResY: 1920\n" in text
    assert "Style: Default,Noto Sans,108.00,&HBB332211,&HBB332211,&H00000000,&H66000000,-1,0," in text
    assert text.splitlines()[10].endswith(",1,10.80,0.00,7,54,54,192,1")


@pytest.mark.parametrize(
    ("size", "pixels"), [((1920, 1080), 64.8), ((1080, 1920), 64.8), ((640, 480), 28.8), ((64, 64), 12)]
)
def test_letters_follow_the_shorter_side_and_stay_readable(size: tuple[int, int], pixels: float) -> None:
    assert size_px(Style(), size) == pytest.approx(pixels)


@given(st.integers(0, 2**24 - 1), st.integers(0, 255))
def test_colours_turn_round_and_alpha_turns_over(rgb: int, alpha: int) -> None:
    written = ass_colour(f"#{rgb:06x}{alpha:02x}")
    value = int(written[2:], 16)
    assert value >> 24 == 255 - alpha
    assert (value & 255, value >> 8 & 255, value >> 16 & 255) == (rgb >> 16, rgb >> 8 & 255, rgb & 255)


@pytest.mark.parametrize(
    ("word", "colour"),
    [("red", "#FF0000"), ("#0f8", "#00FF88"), ("00ff00", "#00FF00"), ("#00ff00cc", "#00FF00"), ("nothing", None)],
)
def test_colours_of_font_tags(word: str, colour: str | None) -> None:
    assert colour_of(word) == colour
