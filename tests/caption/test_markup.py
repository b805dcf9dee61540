"""Tags that are honoured, tags that are left out, and text that only looks like tags."""

from __future__ import annotations

import pytest

from apigpu_caption.cues import Span
from apigpu_caption.markup import read_markup


def test_nested_tags_end_where_they_end() -> None:
    assert read_markup("a<i>b<b>c</b></i>d").spans == (
        Span("a"),
        Span("b", italic=True),
        Span("c", italic=True, bold=True),
        Span("d"),
    )


def test_colours_of_fonts_nest() -> None:
    spans = read_markup('<font color="red">a<font color=#00f face="x">b</font>c</font><font size=3>d</font>').spans
    assert [(span.text, span.colour) for span in spans] == [
        ("a", "#FF0000"),
        ("b", "#0000FF"),
        ("c", "#FF0000"),
        ("d", None),
    ]


def test_a_tag_left_open_ends_with_the_cue_and_a_stray_end_does_nothing() -> None:
    assert read_markup("</i>a<u>b").spans == (Span("a"), Span("b", underline=True))


@pytest.mark.parametrize(
    ("block", "position"),
    [
        ("{\\an8}", "top_center"),
        ("{\\an1\\i1}", "bottom_left"),
        ("{\\a6}", "top_center"),
        ("{\\a10}", "middle_center"),
    ],
)
def test_places_are_honoured(block: str, position: str) -> None:
    marked = read_markup(block + "text")
    assert (marked.position, marked.spans[0].text, marked.dropped) == (position, "text", False)


def test_switches_and_colours_of_ass_are_honoured() -> None:
    spans = read_markup("{\\i1}a{\\i0\\b1}b{\\b0\\c&H0000FF&}c{\\c}d").spans
    assert spans == (Span("a", italic=True), Span("b", bold=True), Span("c", colour="#FF0000"), Span("d"))


@pytest.mark.parametrize(
    "block",
    ["{\\pos(10,20)}", "{\\fad(100,200)}", "{\\fnArial\\fs20}", "{\\bord2\\3c&HFF&}", "{\\k50}", "{\\t(0,1,\\fs3)}"],
)
def test_other_tags_of_ass_are_left_out_and_told(block: str) -> None:
    marked = read_markup(f"{block}text")
    assert ("".join(span.text for span in marked.spans), marked.dropped) == ("text", True)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{not code}",
        "{\\frac{a}{b}}",
        "{\\alpha}",
        "{\\rm x}",
        "{\\it x}",
        "\\N \\h \\n",
        "{\\",
        "a < b > c",
        "<3 you",
        "<John> hi",
        "<>",
        "C:\\new",
        "&copy; &unknown;",
    ],
)
def test_what_only_looks_like_code_is_text(text: str) -> None:
    marked = read_markup(text)
    assert "".join(span.text for span in marked.spans) == text


def test_breaks_and_a_few_references_are_read() -> None:
    assert read_markup("a<br/>b &amp; &lt;i&gt;").spans == (Span("a\nb & <i>"),)
