"""What is really in the picture, by FFmpeg's own libass."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from caption_support import Picture, captioned, luma, make_video, rendered

pytestmark = pytest.mark.ffmpeg

GREY = "color=c=gray"


def pictures(ffmpeg: str, folder: Path, srt: str | bytes, **request: object) -> Picture:
    """Luma of every frame of two seconds of grey at 480x270 and 25 frames a second, captioned."""
    return pictures_of_size((480, 270), ffmpeg, folder, srt, **request)


def pictures_of_size(
    size: tuple[int, int], ffmpeg: str, folder: Path, srt: str | bytes, **request: object
) -> Picture:
    file = make_video(ffmpeg, folder, GREY, size=size, duration_s=2.0)
    clip, _ = captioned(srt, file, **request)
    assert clip.video is not None
    return luma(rendered(clip, ffmpeg, folder), clip.video.format)


def inked(picture: Picture) -> Picture:
    """Where a grey picture is not grey."""
    return np.abs(picture.astype(int) - int(picture[0, 0])) > 8


def extent(picture: Picture) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what was drawn."""
    rows, columns = np.nonzero(inked(picture))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_a_cue_is_on_exactly_the_frames_of_its_time(each_ffmpeg: str, tmp_path: Path) -> None:
    times = ["00:00:00,200 --> 00:00:00,520", "00:00:00,900 --> 00:00:01,001", "00:00:01,960 --> 00:00:05,000"]
    frames = pictures(each_ffmpeg, tmp_path, "\n\n".join(f"{line}\nText" for line in times))
    shown = [number for number, frame in enumerate(frames) if inked(frame).any()]
    assert shown == [*range(5, 13), 23, 24, 25, 49]


def test_frames_of_film_rate_show_their_cues(ffmpeg: str, tmp_path: Path) -> None:
    """At 23.976 frames a second, with times as programs write them: rounded to the millisecond of a frame."""
    rate = Fraction(24000, 1001)
    file = make_video(ffmpeg, tmp_path, GREY, size=(160, 90), rate=rate, duration_s=2.002)
    first, last = (round(n / rate * 1000) for n in (17, 31))
    clip, _ = captioned(f"1\n00:00:00,{first} --> 00:00:01,{last - 1000}\nText\n", file)
    assert clip.video is not None
    frames = luma(rendered(clip, ffmpeg, tmp_path), clip.video.format)
    assert [n for n, frame in enumerate(frames) if inked(frame).any()] == list(range(17, 31))


PLACES = [f"{row}_{column}" for row in ("top", "middle", "bottom") for column in ("left", "center", "right")]


@pytest.mark.parametrize("size", [(480, 270), (270, 480)], ids=["landscape", "portrait"])
def test_nine_positions_and_their_margins(ffmpeg: str, tmp_path: Path, size: tuple[int, int]) -> None:
    marks = {place: f"{{\\an{number}}}" for number, place in zip((7, 8, 9, 4, 5, 6, 1, 2, 3), PLACES, strict=True)}
    times = [f"00:00:0{n // 5},{n % 5 * 200:03d} --> 00:00:0{n // 5},{n % 5 * 200 + 160:03d}" for n in range(9)]
    srt = "\n\n".join(f"{n + 1}\n{times[n]}\n{marks[place]}Xy" for n, place in enumerate(PLACES))
    style = {"margin_vertical": 10.0, "margin_horizontal": 10.0, "outline": 0.0}
    frames = pictures_of_size(size, ffmpeg, tmp_path, srt, style=style)
    width, height = size
    for n, place in enumerate(PLACES):
        left, top, right, bottom = extent(frames[5 * n + 1])
        row, column = place.split("_")
        gaps = {"left": left - width / 10, "center": (left + right - width) / 2, "right": width * 0.9 - right}
        assert abs(gaps[column]) < 4, place
        line = 0.06 * min(size)
        reach = {"top": top - height / 10, "middle": (top + bottom - height) / 2, "bottom": height * 0.9 - bottom}
        assert -2 < reach[row] < line or (row == "middle" and abs(reach[row]) < line / 2), place


def test_letters_are_as_large_in_portrait_as_in_landscape(ffmpeg: str, tmp_path: Path) -> None:
    heights = []
    for size in ((480, 270), (270, 480)):
        frames = pictures_of_size(
            size, ffmpeg, tmp_path, "1\n00:00:00,000 --> 00:00:02,000\nXH", style={"size": 20.0}
        )
        _, top, _, bottom = extent(frames[10])
        heights.append(bottom - top)
    assert heights[0] == heights[1]
    assert 0.20 * 270 * 0.5 < heights[0] < 0.20 * 270 * 0.75


def test_a_box_covers_all_lines_and_an_outline_surrounds_letters(ffmpeg: str, tmp_path: Path) -> None:
    srt = "1\n00:00:00,000 --> 00:00:02,000\nA long line of text\nand a second"
    boxed = pictures(ffmpeg, tmp_path, srt, style={"box": True, "box_colour": "#000000", "outline": 0.0})[10]
    left, top, right, bottom = extent(boxed)
    dark_or_bright = inked(boxed)[top + 1 : bottom, left + 1 : right]
    assert dark_or_bright.mean() > 0.98
    plain = pictures(ffmpeg, tmp_path, srt, style={"outline": 0.0})[10]
    outlined = pictures(ffmpeg, tmp_path, srt, style={"outline": 20.0})[10]
    assert plain.min() > 100
    assert outlined.min() < 30


HOSTILE = [
    "{\\pos(0,0)\\fs200}",
    "a{b}c",
    "{\\}\\N{\\p1}m 0 0 l 500 0 500 500 0 500{\\p0}",
    "\\N\\N\\N\\N",
    "\\{\\i1}",
    "{\\\\i1\\\\b1}",
    "Dialogue: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,x",
    "{{{{\\pos}}}}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_line_at_the_bottom(each_ffmpeg: str, tmp_path: Path, text: str) -> None:
    frames = pictures(each_ffmpeg, tmp_path, f"1\n00:00:00,400 --> 00:00:01,000\n{text}X\n")
    assert [n for n, frame in enumerate(frames) if inked(frame).any()] == list(range(10, 25))
    _, top, _, bottom = extent(frames[12])
    assert bottom - top < 2.2 * 0.06 * 270
    assert bottom > 0.9 * 270


@pytest.mark.parametrize("text", ["\\N", "{i}", "\\h", "{\\no}"])
def test_backslashes_and_braces_are_seen(ffmpeg: str, tmp_path: Path, text: str) -> None:
    """Each is as wide as the same text with letters of Noto Sans's own widths."""
    from apigpu_caption.fonts import shipped_font

    font = shipped_font(bold=False)
    style = {"size": 40.0, "outline": 0.0, "position": "middle_center"}
    left, _, right, _ = extent(
        pictures(ffmpeg, tmp_path, f"1\n00:00:00,000 --> 00:00:01,000\n|{text}|\n", style=style)[5]
    )
    between = sum(font.advance(letter) or 0 for letter in text) + (font.advance("|") or 0)
    per_unit = 0.4 * 270 / font.line_units
    assert abs((right - left) - between * per_unit) < 0.12 * 0.4 * 270


def test_a_script_of_the_user_is_drawn(each_ffmpeg: str, tmp_path: Path) -> None:
    """SSA v4 and ASS, with their own order of fields, as libass reads them."""
    head = "[Script Info]\nPlayResX: 480\nPlayResY: 270\n"
    ssa = (
        f"{head}ScriptType: v4.00\n\n[V4 Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Noto Sans,30\n\n"
        "[Events]\nFormat: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: Marked=0,0:00:00.40,0:00:01.00,Default,,0000,0000,0000,,Text\n"
    )
    ass = (
        f"{head}ScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Noto Sans,30\n\n"
        "[Events]\nFormat: Style, Layer, Name, Start, End, Text\n"
        "Dialogue: Default,0,,0:00:00.40,0:00:01.00,Text, more\n"
    )
    for script in (ssa, ass):
        frames = pictures(each_ffmpeg, tmp_path, script)
        assert [n for n, frame in enumerate(frames) if inked(frame).any()] == list(range(10, 25))


def test_a_moment_later_in_the_video_can_be_previewed(ffmpeg: str, tmp_path: Path) -> None:
    from apigpu.compiler import cut_to_frame

    file = make_video(ffmpeg, tmp_path, GREY, size=(160, 90), duration_s=4.0)
    clip, _ = captioned("1\n00:00:03,000 --> 00:00:03,500\nText\n", file)
    for at_s, seen in ((2.9, False), (3.2, True)):
        cut = cut_to_frame(clip, at_s)
        assert clip.video is not None
        assert inked(luma(rendered(cut, ffmpeg, tmp_path), clip.video.format)[0]).any() == seen
