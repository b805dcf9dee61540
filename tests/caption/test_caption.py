"""The operation as a request sees it: what is built, refused and told."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from apigpu import InputError, Media
from apigpu.compiler import compile_clip
from apigpu.ffmpeg.capabilities import capabilities_at
from apigpu.targets.presets import named_target
from apigpu_caption import CaptionInput, Style, caption
from apigpu_caption.burn import BurnIn
from caption_support import SUBTITLES, VIDEO, burn_of, captioned, facts, media_of

ONE = "1\n00:00:01,000 --> 00:00:02,000\nText\n"
ASS = """[Script Info]
ScriptType: v4.00+
PlayResX: 640

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Mine,No Such Font 123,30

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Mine,,0,0,0,,{\\move(0,0,9,9)}Olá, você
Comment: 0,0:00:01.00,0:00:02.00,Mine,,0,0,0,,no caption
Dialogue: 0,0:00:0x.00,0:00:02.00,Mine,,0,0,0,,broken
"""


def told(media: Media) -> dict[str, str]:
    return {notice.code: notice.message for notice in media.warnings}


def test_a_plain_request_burns_its_cues_in_and_says_nothing() -> None:
    clip, media = captioned(ONE)
    burn = burn_of(clip)
    assert b"Dialogue: 0,0:00:00.98,0:00:01.98,Default,,0,0,0,,Text\n" in burn.script.content
    assert clip.video is not None
    assert (clip.video.format.width, clip.video.format.height) == (640, 360)
    assert media.warnings == []


def test_the_script_follows_the_picture_as_it_is_shown() -> None:
    file = facts(size=(1920, 1080), rotation_deg=90)
    assert b"PlayResX: 1080\nPlayResY: 1920\n" in burn_of(captioned(ONE, file)[0]).script.content


@pytest.mark.parametrize(
    ("head", "format_"), [("WEBVTT\n\n", "vtt"), ("", "srt"), ("\ufeff", "srt"), ("\n\nWEBVTT\n\n", "vtt")]
)
def test_the_format_is_told_by_content(head: str, format_: str) -> None:
    clip, _ = captioned(f"{head}00:00:01.000 --> 00:00:02.000\n<v Ann>Text\n")
    shown = b",,Text\n" if format_ == "vtt" else b",,<v Ann>Text\n"
    assert burn_of(clip).script.content.endswith(shown)


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"hello", b"1\n2\n3\n", b"\x00\x01\x02", b"WEBVTT\n\nNOTE nothing\n", b"[Script Info]\n"]
)
def test_a_file_without_cues_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        captioned(data)
    assert (caught.value.code, caught.value.where) == ("no_cues", "url_srt")
    assert "SRT, WebVTT or ASS" in caught.value.remedy


def test_the_refusal_says_what_was_found_instead() -> None:
    with pytest.raises(InputError, match=r"1 cue without text \(1 \(0:00:01\.000\)\)"):
        captioned("1\n00:00:01,000 --> 00:00:02,000\n\n")


def test_many_lost_cues_are_one_notice_a_reason() -> None:
    late = "".join(f"{n}\n01:00:00,000 --> 01:00:01,000\nlate\n\n" for n in range(2, 1849))
    _, media = captioned(f"{ONE}\n{late}")
    assert told(media) == {
        "cues_after_end": "1847 cues after the end of the video, not shown: 2 (1:00:00.000), 3 (1:00:00.000), "
        "4 (1:00:00.000), 5 (1:00:00.000), 6 (1:00:00.000) and 1842 more."
    }


def test_a_video_that_shows_no_cue_stays_untouched() -> None:
    clip, media = captioned("1\n01:00:00,000 --> 01:00:01,000\nlate\n")
    assert clip.video is not None
    assert not isinstance(clip.video.node.operator, BurnIn)
    assert list(told(media)) == ["cues_after_end"]


def test_a_guessed_encoding_is_told_and_can_be_overruled() -> None:
    data = ONE.replace("Text", "Você não está só: é já amanhã").encode("cp1252")
    clip, media = captioned(data)
    assert "Você não está só".encode() in burn_of(clip).script.content
    assert "read as cp1252" in told(media)["encoding_guessed"]
    _, media = captioned(data, encoding="windows-1252")
    assert media.warnings == []


def test_letters_that_the_font_lacks_are_told() -> None:
    _, media = captioned(ONE.replace("Text", "Text 字幕 \u200b"))
    assert "no glyphs for 2 characters of the subtitles (字 幕)" in told(media)["glyphs_missing"]


def test_an_unknown_font_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        captioned(ONE, style={"font": "No Such Font 123"})
    assert caught.value.code == "unknown_font"


def test_a_script_of_the_user_passes_as_it_is() -> None:
    clip, media = captioned(ASS.replace("\n", "\r\n").encode("utf-16"), style={"size": 9})
    burn = burn_of(clip)
    assert burn.script.content.decode() == ASS
    assert (burn.by, burn.layer) == ("ass", None)
    assert told(media) == {
        "cues_broken_time": "1 cue with times that cannot be read, not shown: line 13.",
        "fonts_missing": "The subtitles ask for fonts that are not installed here, and others take their place: "
        "No Such Font 123.",
        "style_ignored": "The subtitles are in ASS and carry their own style; `style` was not applied.",
    }


def test_a_script_without_a_head_gets_one() -> None:
    clip, _ = captioned("[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Text\n")
    assert burn_of(clip).script.content.startswith(b"[Script Info]\nScriptType: v4.00+\n")


def test_a_step_without_a_picture_cannot_be_captioned() -> None:
    from apigpu import Clip
    from apigpu.media.fields import PREVIOUS

    media = Media(texts={SUBTITLES: ONE.encode()}, previous=Clip())
    with pytest.raises(InputError) as caught:
        caption.build(CaptionInput(url_video=PREVIOUS, url_srt=SUBTITLES), media)
    assert caught.value.code == "no_video"


def test_every_field_has_a_description_and_an_example_that_validates() -> None:
    for model in (CaptionInput, Style):
        for name, field in model.model_fields.items():
            assert field.description, name
            assert field.examples, name
            required = {"url_video": "v", "url_srt": "s"} if model is CaptionInput else {}
            model.model_validate({**required, name: field.examples[0]})


@pytest.mark.parametrize(
    "style",
    [
        {"size": 0},
        {"size": float("nan")},
        {"primary_colour": "red"},
        {"primary_colour": "#FFF\n"},
        {"position": "centre"},
        {"bold": 1},
        {"font": ""},
        {"colour": "#FFFFFF"},
    ],
)
def test_styles_out_of_range_are_refused(style: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CaptionInput(url_video=VIDEO, url_srt=SUBTITLES, style=style)  # type: ignore[arg-type]


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_end_in_captions_or_in_a_refusal(data: bytes) -> None:
    for head in (b"", b"WEBVTT\n\n", b"[Script Info]\n", ONE.encode()):
        with contextlib.suppress(InputError):
            captioned(head + data)


@pytest.mark.corpus
def test_every_subtitle_file_of_the_corpus_is_accounted_for(corpus: Path) -> None:
    """Lines of times in, cues shown and cues told out; or a refusal where there is nothing to show."""
    from apigpu_caption.ass_in import read_ass
    from apigpu_caption.charset import decode
    from apigpu_caption.reading import format_of
    from apigpu_caption.srt import read_srt
    from apigpu_caption.timeline import shown_on, states_of
    from apigpu_caption.vtt import read_vtt

    refused = []
    for path in sorted((corpus / "subs").iterdir()):
        text = decode(path.read_bytes()).text
        read = {"srt": read_srt, "vtt": read_vtt, "ass": read_ass}[format_of(text)]
        reading = read(text)
        lines = text.replace("\r", "\n").split("\n")
        expected = sum("-->" in line or line.startswith("Dialogue:") for line in lines)
        untimed = sum(item.reason == "no_time" for item in reading.lost)
        assert len(reading.cues) + len(reading.lost) - untimed == expected, path.name
        clip, media = None, media_of(path.read_bytes(), facts(duration_s=3600.0))
        try:
            clip = caption.build(CaptionInput(url_video=VIDEO, url_srt=SUBTITLES), media)
        except InputError as error:
            refused.append((path.name, error.code))
        if clip is not None and format_of(text) != "ass":
            assert clip.video is not None
            video = clip.video.format
            shown, hidden, _ = shown_on(video, reading.cues)
            assert len(shown) + len(hidden) == len(reading.cues), path.name
            assert states_of(shown)[1] == [], path.name
    assert refused == [("invalid_format1.srt", "no_cues"), ("subtitle_with_attached_images_aegisub.ass", "no_cues")]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pt-br.cp1252.srt", "interfaces de usuário (UI)."),
        ("pt-br.utf16le-bom.srt", "interfaces de usuário (UI)."),
        ("gb2312.srt", "轻轻一跳就能飞跃高楼"),
        ("subtitle.srt", "Cehennemin Savaşçısı'da kim?"),
        ("utf16.srt", "ترجمه و تنظيم زيرنويس"),
        (
            "example-in-carriage-return.srt",
            "Did one of the last stories strike you as\\Nmore interesting than the other?",
        ),
    ],
)
def test_letters_of_the_corpus_arrive(corpus: Path, name: str, words: str) -> None:
    clip, _ = captioned((corpus / "subs" / name).read_bytes(), facts(duration_s=600.0))
    assert words in burn_of(clip).script.content.decode()


@pytest.mark.ffmpeg
def test_the_same_request_gives_the_same_plan(ffmpeg: str) -> None:
    target = named_target("cpu", capabilities_at(ffmpeg, {}))
    plans = [compile_clip(captioned(ONE)[0], target) for _ in range(2)]
    assert plans[0] == plans[1]
    assert [asset.path for asset in plans[0].assets] == [
        "0-captions.ass",
        "1-fonts/NotoSans-Bold.ttf",
        "1-fonts/NotoSans-Regular.ttf",
    ]
