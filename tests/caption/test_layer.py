"""The state layer: what it holds, where it is offered, and that it shows what `subtitles` shows."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from apigpu.compiler import compile_clip
from apigpu.ffmpeg.capabilities import Capabilities, capabilities_at
from apigpu.formats import Domain
from apigpu.media.facts import Color
from apigpu.targets.presets import named_target
from apigpu_caption.layer import choice
from caption_support import burn_of, captioned, facts, luma, make_video, on_layer, psnr, rendered

SRT = """1
00:00:00,400 --> 00:00:01,000
The first one, with <i>two</i>
lines and a <font color="#ffe000">colour</font>

2
00:00:01,000 --> 00:00:01,600
Right after it

3
00:00:01,480 --> 00:00:01,800
overlapping

4
00:00:02,400 --> 00:00:09,000
Longer than the video
"""


def test_the_tree_gives_every_value_in_its_turn() -> None:
    values = [str(n * n) for n in range(45)]
    expression = choice(values).replace("if(", "pick(")
    scope = {"lt": lambda a, b: a < b, "pick": lambda test, yes, no: yes if test else no}
    assert [eval(expression, scope, {"N": n}) for n in range(45)] == [n * n for n in range(45)]
    assert choice([str(n) for n in range(4000)]).count("(") < 8000


def test_the_layer_has_a_frame_for_every_change_and_closes_before_the_video_does() -> None:
    layer = burn_of(captioned(SRT, facts(duration_s=3.0))[0]).layer
    assert layer is not None
    assert layer.starts_cs == (38, 98, 146, 158, 178, 238, 298)
    assert layer.rate == Fraction(7, 3)


def test_captions_at_one_edge_need_only_a_band_of_even_height_and_place() -> None:
    for position, at_top in (("bottom_left", False), ("top_center", True)):
        layer = burn_of(captioned(SRT, style={"position": position})[0]).layer
        assert layer is not None
        canvas = layer.canvas
        assert canvas.height % 2 == canvas.y % 2 == 0
        assert canvas.y == 0 if at_top else canvas.y + canvas.height == 360
        assert canvas.height < 200


@pytest.mark.parametrize(
    ("text", "style"),
    [("字幕", {}), ("{\\an8}up", {}), ("middle", {"position": "middle_center"}), ("big " * 20, {"size": 30.0})],
)
def test_captions_elsewhere_or_of_unknown_size_get_the_whole_picture(text: str, style: dict[str, object]) -> None:
    srt = f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n2\n00:00:01,000 --> 00:00:02,000\nother\n"
    layer = burn_of(captioned(srt, style=style)[0]).layer
    assert layer is not None
    assert (layer.canvas.height, layer.canvas.y) == (360, 0)


def test_the_layer_is_offered_where_the_picture_can_bear_it() -> None:
    def domains(**more: object) -> list[Domain]:
        clip = captioned(SRT, facts(**more))[0]  # type: ignore[arg-type]
        assert clip.video is not None
        return [row.domain for row in burn_of(clip).implementations(clip.video.format)]

    assert domains() == [Domain.SYSTEM, Domain.CUDA, Domain.CUDA]
    assert domains(color=Color(range="pc")) == [Domain.SYSTEM]
    assert domains(duration_s=0.0) == [Domain.SYSTEM]


HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: 480
PlayResY: 270

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Mine,Noto Sans,30,&H0000C0FF,2

[Events]
Format: Start, End, Layer, Style, Effect, Text
"""
STILL = (
    "0:00:00.40,0:00:01.20,0,Mine,,First, with a comma",
    "0:00:00.80,0:00:01.60,1,Mine,,{\\pos(240,60)\\frz20}placed",
    "0:00:02.00,0:00:09.00,0,Mine,,{\\i1}last",
)


def script_of(*events: str) -> str:
    return HEAD + "".join(f"Dialogue: {event}\n" for event in events) + "\n[Aegisub Extradata]\n"


@pytest.mark.parametrize(
    ("event", "is_still"),
    [
        ("0:00:01.70,0:00:01.90,0,Mine,,{\\fs40\\t}text", True),
        ("0:00:01.00,0:00:02.00,0,Mine,,{\\pos(1,2)}text", True),
        ("0:00:01.00,0:00:02.00,0,Mine,,pushed by another", False),
        ("0:00:01.70,0:00:01.90,0,Mine,,{\\fad(100,100)}text", False),
        ("0:00:01.70,0:00:01.90,0,Mine,,{\\move(0,0,9,9)}text", False),
        ("0:00:01.70,0:00:01.90,0,Mine,,{\\t(\\fs3)}text", False),
        ("0:00:01.70,0:00:01.90,0,Mine,,{\\k20}te{\\kf20}xt", False),
        ("0:00:01.70,0:00:01.90,0,Mine,Banner;5,text", False),
    ],
)
def test_a_script_of_the_user_has_a_layer_where_nothing_moves(event: str, is_still: bool) -> None:
    layer = burn_of(captioned(script_of(*STILL, event))[0]).layer
    assert (layer is not None) == is_still


@pytest.mark.ffmpeg
def test_the_layer_of_a_script_of_the_user_shows_what_ass_shows(each_ffmpeg: str, tmp_path: Path) -> None:
    file = make_video(each_ffmpeg, tmp_path, "testsrc2", size=(480, 270), duration_s=3.0)
    clip, _ = captioned(script_of(*STILL), file)
    assert clip.video is not None
    tag_alpha = "alpha_mode" in (capabilities_at(each_ffmpeg, {}).filter_options("setparams") or ())
    burnt = luma(rendered(clip, each_ffmpeg, tmp_path), clip.video.format)
    laid = luma(rendered(on_layer(clip, tag_alpha=tag_alpha), each_ffmpeg, tmp_path), clip.video.format)
    assert min(psnr(one, other) for one, other in zip(burnt, laid, strict=True)) >= 60


CUDA = {
    "overlay_cuda": ("x", "y", "eof_action"),
    "scale_cuda": ("format", "w", "h", "interp_algo"),
    "hwupload": (),
    "hwdownload": (),
}


def with_cuda(known: Capabilities) -> Capabilities:
    """The FFmpeg at hand, as if it had been built with the CUDA filters."""
    options = {name: frozenset(names) for name, names in CUDA.items()}

    def options_of(name: str) -> frozenset[str] | None:
        return options.get(name) or known.options_of(name)

    return replace(
        known, filters=known.filters | set(CUDA), encoders=known.encoders | {"h264_nvenc"}, options_of=options_of
    )


@pytest.mark.ffmpeg
def test_on_a_gpu_only_the_states_are_uploaded(each_ffmpeg: str) -> None:
    file = facts(size=(1920, 1080), duration_s=60.0)
    stream = replace(file.videos[0], codec="h264", color=Color(space="bt709"))
    clip, _ = captioned(SRT, replace(file, videos=(stream,)))
    plan = compile_clip(clip, named_target("l4", with_cuda(capabilities_at(each_ffmpeg, {}))))
    assert [(link.pix_fmt, link.rate < 1) for link in plan.transfers] == [("yuva420p", True)]
    graph = " ".join(plan.argv())
    assert "colorspace=bt709" in graph
    tags = capabilities_at(each_ffmpeg, {}).filter_options("setparams")
    assert ("alpha_mode=premultiplied" in graph) == ("alpha_mode" in (tags or ()))


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "style",
    [
        {},
        {"box": True, "size": 8.0},
        {"primary_colour": "#FFE00080", "outline_colour": "#C00000", "shadow": 6.0, "position": "top_right"},
    ],
    ids=["plain", "box", "translucent"],
)
def test_the_layer_shows_what_subtitles_shows(each_ffmpeg: str, tmp_path: Path, style: dict[str, object]) -> None:
    file = make_video(each_ffmpeg, tmp_path, "testsrc2", size=(480, 270), duration_s=3.0)
    clip, _ = captioned(SRT, file, style=style)
    assert clip.video is not None
    tag_alpha = "alpha_mode" in (capabilities_at(each_ffmpeg, {}).filter_options("setparams") or ())
    burnt = luma(rendered(clip, each_ffmpeg, tmp_path), clip.video.format)
    laid = luma(rendered(on_layer(clip, tag_alpha=tag_alpha), each_ffmpeg, tmp_path), clip.video.format)
    assert len(burnt) == len(laid) == 75
    assert min(psnr(one, other) for one, other in zip(burnt, laid, strict=True)) >= 60
