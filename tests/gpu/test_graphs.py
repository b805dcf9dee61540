"""What verification accepts of CUDA graphs, FFmpeg runs on a device; what is broken on purpose, both refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apigpu.compiler import compile_clip
from apigpu.compiler.connect import Concrete, connect
from apigpu.compiler.encoders import ENCODERS, Encoder, choose_encoder
from apigpu.compiler.place import place
from apigpu.compiler.share import share
from apigpu.compiler.verify import verify
from apigpu.errors import ApiGpuError, GraphError
from apigpu.filters import Concat, Crop, Extend, FrameRate, Hold, Overlay, Scale, Trim, fit
from apigpu.graph import Call, FileInput, Fragment, Pad
from apigpu.media.handles import Media
from apigpu.streams import Clip, VideoStream
from apigpu.targets.presets import named_target
from gpu_support import Bench

pytestmark = pytest.mark.ffmpeg

SLOW = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SIDES = st.integers(40, 130).map(lambda half: half * 2)
Wish = tuple[str, tuple[int, int, int, int]]
KINDS = "scale crop extend fit rate trim hold overlay concat boxblur hflip".split()
WISHES = st.lists(st.tuples(st.sampled_from(KINDS), st.tuples(SIDES, SIDES, SIDES, SIDES)), min_size=1, max_size=5)


def source(bench: Bench, name: str = "plain.mp4") -> VideoStream:
    video = Media(files=bench.files).video(name).video
    assert video is not None
    return video


def built(video: VideoStream, wishes: Sequence[Wish]) -> VideoStream:
    for kind, (w, h, x, y) in wishes:
        match kind:
            case "scale":
                video = video.apply(Scale(w, h))
            case "crop":
                video = video.apply(Crop(w // 4 * 2, h // 4 * 2, 4, 8))
            case "extend":
                video = video.apply(Extend(video.format.width + w, video.format.height + h, 8, 4))
            case "fit":
                video = fit(video, w, h, "cover" if x > y else "contain")
            case "rate":
                video = video.apply(FrameRate(Fraction(x, 4) + 10))
            case "trim":
                video = video.apply(Trim(0.1, 0.6))
            case "hold":
                video = video.apply(Hold(1.2))
            case "overlay":
                video = video.apply(Overlay(0, 2), video.apply(Scale(w // 4 * 2, h // 4 * 2)))
            case "concat":
                video = video.apply(Concat(), video.filter("hflip"))
            case "boxblur":
                video = video.filter("boxblur", luma_radius=1)
            case _:
                video = video.filter("hflip")
    return video


@SLOW
@given(wishes=WISHES)
def test_every_graph_of_the_vocabulary_that_compiles_for_a_card_runs_on_it(bench: Bench, wishes: list[Wish]) -> None:
    try:
        clip = Clip(built(source(bench), [*wishes, ("scale", (200, 120, 0, 0))]))
        compile_clip(clip, named_target("l4", bench.capabilities))
    except ApiGpuError:
        return
    done = bench.on("l4", clip)
    assert done.size == (200, 120)
    assert abs(len(done.times_s) - done.plan.output.frames) <= 1


# ------------------------------------------------------------------------------------------ graphs filter by filter

STEPS = st.sampled_from(
    [
        ("hwupload", {}),
        ("hwdownload", {}),
        ("format", {"pix_fmts": "yuv420p"}),
        ("format", {"pix_fmts": "nv12"}),
        ("format", {"pix_fmts": "yuva420p"}),
        ("scale_cuda", {"w": 200, "h": 120}),
        ("scale_cuda", {"format": "yuv420p", "interp_algo": "nearest"}),
        ("scale_cuda", {"format": "nv12"}),
        ("scale_cuda", {"format": "p010le"}),
        ("scale_cuda", {"format": "yuv444p"}),
        ("yadif_cuda", {}),
        ("pad_cuda", {"w": 420, "h": 260, "x": 8, "y": 8}),
        ("transpose_cuda", {"dir": "clock"}),
        ("fps", {"fps": 20}),
        ("setpts", {"expr": "PTS-STARTPTS"}),
        ("setsar", {"sar": 1}),
        ("sidedata", {"mode": "delete", "type": "DISPLAYMATRIX"}),
        ("trim", {"start": 0.0, "end": 0.5}),
        ("gblur", {"sigma": 1.0}),
        ("crop", {"w": 100, "h": 80, "x": 2, "y": 2}),
        ("hflip", {}),
    ]
)


@SLOW
@given(
    main=st.lists(STEPS, max_size=6),
    layer=st.lists(STEPS, max_size=3),
    joins=st.booleans(),
    encoder=st.sampled_from(["h264_nvenc", "libx264"]),
)
def test_a_cuda_graph_that_verification_accepts_is_one_that_ffmpeg_runs(
    bench: Bench, main: list[Step], layer: list[Step], joins: bool, encoder: str
) -> None:
    graph = decoded_by_nvdec(bench)
    assert graph.video is not None
    fragment = Fragment("t")
    pad = written(fragment, graph.video, main)
    if joins:
        blank = fragment.source("color", c="red", s="60x40", d=1)
        over = written(fragment, fragment.filter("format", blank, pix_fmts="yuva420p"), [*layer, ("hwupload", {})])
        pad = fragment.filter("overlay_cuda", pad, over, x=8, y=4, eof_action="pass")
    wanted = replace(graph, video=pad)
    if is_accepted(wanted, ENCODERS[encoder], bench):
        assert bench.refuses(wanted, ENCODERS[encoder]) == ""


Step = tuple[str, dict[str, object]]


def written(fragment: Fragment, pad: Pad, steps: Sequence[Step]) -> Pad:
    for name, options in steps:
        pad = fragment.filter(name, pad, **options)  # type: ignore[arg-type]
    return pad


def decoded_by_nvdec(bench: Bench) -> Concrete:
    """The picture on the device, as NVDEC gives it."""
    return concrete(bench, Clip(source(bench).apply(FrameRate(Fraction(25)))))[0]


def concrete(bench: Bench, clip: Clip) -> tuple[Concrete, Encoder]:
    """The graph of a clip on an L4, before it is verified."""
    assert clip.video is not None
    target = named_target("l4", bench.capabilities)
    (root,) = share(clip.video.node)
    encoder = choose_encoder("h264", clip.video.format, target)
    return connect(root, None, place(root, encoder, target)), encoder


def is_accepted(graph: Concrete, encoder: Encoder, bench: Bench) -> bool:
    try:
        verify(graph, encoder, named_target("l4", bench.capabilities))
    except GraphError:
        return False
    return True


# ---------------------------------------------------------------------------------------------- broken on purpose

SWAPS = {"scale_cuda": "scale", "overlay_cuda": "overlay", "scale": "scale_cuda", "overlay": "overlay_cuda"}
Change = Callable[[Call], tuple[str, dict[str, object]] | None]


def drop_transfer(call: Call) -> tuple[str, dict[str, object]] | None:
    return ("null", {}) if call.name in {"hwupload", "hwdownload"} else None


def move_to_the_other_domain(call: Call) -> tuple[str, dict[str, object]] | None:
    shared = {name: value for name, value in call.options if name in {"w", "h", "x", "y", "eof_action"}}
    return (SWAPS[call.name], shared) if call.name in SWAPS else None


def change_the_format(call: Call) -> tuple[str, dict[str, object]] | None:
    return ("format", {"pix_fmts": "yuv444p"}) if call.name == "format" else None


@SLOW
@given(
    wishes=WISHES,
    change=st.sampled_from([drop_transfer, move_to_the_other_domain, change_the_format]),
    number=st.integers(0, 20),
)
def test_a_graph_broken_on_purpose_is_refused_by_verification_and_by_ffmpeg(
    bench: Bench, wishes: list[Wish], change: Change, number: int
) -> None:
    try:
        whole, encoder = concrete(bench, Clip(built(source(bench), [*wishes, ("overlay", (80, 60, 0, 0))])))
    except ApiGpuError:
        return
    places = [call for call in whole.calls() if change(call) is not None]
    if not places:
        return
    broken = changed(whole, places[number % len(places)], change)
    accepted = is_accepted(broken, encoder, bench)
    assert (bench.refuses(broken, encoder) == "") == accepted, (places, accepted)


def changed(graph: Concrete, place: Call, change: Change) -> Concrete:
    """The graph with one call exchanged, and nothing promised of what comes out of filters."""
    pads: dict[Pad, Pad] = {}
    for call in graph.calls():
        inputs = tuple(pads.get(pad, pad) for pad in call.inputs)
        made = replace(call, inputs=inputs)
        if call is place:
            found = change(call)
            assert found is not None
            made = replace(made, name=found[0], options=tuple(found[1].items()))
        pads |= {Pad(call, index): Pad(made, index) for index in range(call.outputs)}
    known = {pad: item for pad, item in graph.known.items() if isinstance(pad.origin, FileInput)}
    assert graph.video is not None
    return replace(graph, video=pads.get(graph.video, graph.video), known=known)
