"""Flags come from the input model, and their texts become what the model is asked to check."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from apigpu.errors import InputError
from apigpu.media.fields import ImageUrl, VideoUrl
from apigpu.operations import Input, Operation
from apigpu.registry import Registry
from apigpu.streams import Clip
from apigpu_runtime.cli.arguments import parse_job
from apigpu_runtime.cli.flags import flags_of


class Corner(StrEnum):
    TOP = "top"
    BOTTOM = "bottom"


class Style(Input):
    font: str = Field("Sans", description="Font family.")
    size: float | None = Field(None, gt=0, le=500, description="Height of a line, in pixels.")
    corner: Corner = Corner.BOTTOM


class Slide(Input):
    image_url: ImageUrl
    duration: float = Field(5, gt=0, le=3600, description="Seconds on screen.")


class ShowInput(Input):
    url_video: VideoUrl | None = Field(None, description="The video.")
    frame_rate: int = Field(30, gt=0, le=120, description="Frames a second; 50% more than you need.")
    loop: bool = False
    fit: Literal["cover", "contain"] = "cover"
    tags: list[str] = Field([])
    size: tuple[int, int] | Literal["auto"] = "auto"
    target: str = ""
    style: Style = Style()
    images: list[Slide] | None = Field(None, min_length=1, description="The slides.")


def _build(request: ShowInput, media: object) -> Clip:
    raise AssertionError("never built")


SHOW = Operation("show", ShowInput, _build, "Show things.")
REGISTRY = Registry({"show": SHOW})


def ask(*words: str) -> ShowInput:
    def add_options(group: object) -> None:
        group.add_argument("--target")  # type: ignore[attr-defined]
        group.add_argument("-o", "--output")  # type: ignore[attr-defined]

    job = parse_job("plan", ["show", *words], REGISTRY, "", add_options)
    request = job.request.steps[0].request
    assert isinstance(request, ShowInput)
    return request


def refusal(*words: str) -> str:
    with pytest.raises(InputError) as caught:
        ask(*words)
    return str(caught.value)


def test_every_field_has_a_flag_nested_ones_and_list_items_too() -> None:
    options = [flag.option for flag in flags_of(ShowInput)]
    assert options == [
        "--url-video",
        "--frame-rate",
        "--loop",
        "--fit",
        "--tags",
        "--size",
        "--target",
        "--style.font",
        "--style.size",
        "--style.corner",
        "--images",
        "--images.N.image-url",
        "--images.N.duration",
    ]


def test_texts_become_the_types_of_the_fields() -> None:
    request = ask("--frame-rate", "25", "--loop", "yes", "--style.size", "20", "--style.corner", "top")
    assert (request.frame_rate, request.loop, request.style.size) == (25, True, 20.0)
    assert request.style.corner is Corner.TOP


def test_underscores_as_in_the_api_are_understood() -> None:
    assert ask("--url_video", "a_b.mp4", "--frame_rate=24").url_video == "a_b.mp4"


def test_list_items_are_numbered_or_given_as_json_one_by_one_or_whole() -> None:
    numbered = ask("--images.0.image-url", "a.jpg", "--images.0.duration", "3", "--images.1.image_url", "b.jpg")
    single = ask("--images", '{"image_url": "a.jpg", "duration": 3}', "--images", '{"image_url": "b.jpg"}')
    whole = ask("--images", '[{"image_url": "a.jpg", "duration": 3}, {"image_url": "b.jpg"}]')
    assert numbered == single == whole
    assert numbered.images is not None
    assert [slide.duration for slide in numbered.images] == [3, 5]


def test_lists_of_plain_values_are_repeated_flags() -> None:
    assert ask("--tags", "a", "--tags", "7").tags == ["a", "7"]


def test_a_union_of_a_pair_and_a_word_takes_both() -> None:
    assert ask("--size", "[640, 360]").size == (640, 360)
    assert ask("--size", "auto").size == "auto"


def test_values_that_look_like_flags_are_values() -> None:
    assert ask("--url-video", "-x.mp4").url_video == "-x.mp4"
    assert "must be greater than 0, not -1" in refusal("--frame-rate", "-1")


def test_a_field_named_like_an_option_of_the_command_is_still_within_reach() -> None:
    assert ask("--target", "l4", "--field.target", "moon").target == "moon"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--frame-rate", "25.5"], "frame_rate: must be a whole number, not 25.5."),
        (["--frame-rate", "nan"], "frame_rate: must be a whole number, not NaN."),
        (["--frame-rate", "fast"], 'frame_rate: must be a whole number, not "fast".'),
        (["--frame-rate", "1e9"], "frame_rate: must be at most 120, not 1000000000."),
        (["--style.size", "inf"], "style.size: must be a finite number, not Infinity."),
        (["--style.size", "nan"], "style.size: must be a finite number, not NaN."),
        (["--style.size", "0"], "style.size: must be greater than 0, not 0."),
        (["--fit", "stretch"], "fit: must be 'cover' or 'contain', not \"stretch\"."),
        (["--loop", "maybe"], 'loop: must be true or false, not "maybe".'),
        (["--images", "[]"], "images: needs at least 1 item."),
        (["--images", '{"image_url": '], "images: is not valid JSON"),
        (
            ["--images", '{"image_ulr": "a"}'],
            "images.0.image_ulr: there is no such field. Did you mean 'image_url'?",
        ),
        (["--images.0.image-url", "a", "--images.2.image-url", "b"], "images.1: is missing"),
        (["--images.0.duration", "3"], "images.0.image_url: it is required, and missing."),
        (["--stile.size", "3"], "there is no flag --stile.size. Did you mean --style.size?"),
        (["--images.0.length", "3"], "there is no flag --images.0.length."),
        (["--frame-rate"], "argument --frame-rate: expected one argument. See apigpu plan show --help."),
        (["a.mp4"], "'a.mp4' belongs to no flag. See apigpu plan show --help."),
        (["--url-video", ""], "url_video: must not be empty."),
        (["--url-video", "caf\udce9.mp4"], "url_video: is not valid UTF-8 text. Rename the file."),
    ],
)
def test_a_wrong_flag_is_told_where_and_what(words: list[str], sentence: str) -> None:
    assert sentence in refusal(*words)


def test_several_faults_are_told_together_one_a_line() -> None:
    assert refusal("--frame-rate", "0", "--style.size", "-2").splitlines() == [
        "2 things in the request for show are wrong:",
        "  frame_rate: must be greater than 0, not 0.",
        "  style.size: must be greater than 0, not -2.",
    ]


def test_help_shows_descriptions_limits_choices_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ask("--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "--url-video VIDEO The video." in shown
    assert "Frames a second; 50% more than you need. [> 0, <= 120; default 30]" in shown
    assert "--fit cover|contain" in shown
    assert "--images.N.image-url IMAGE" in shown
    assert "Seconds on screen. [> 0, <= 3600; default 5]" in shown


@given(st.text(min_size=1).filter(lambda text: not text.startswith("-") and text.isprintable()))
def test_any_text_given_to_a_text_field_arrives_unchanged(text: str) -> None:
    assert ask("--style.font", text).style.font == text
