"""Verification is right about FFmpeg: what it accepts, FFmpeg configures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apigpu.compiler import compile_clip
from apigpu.compiler.connect import Concrete, Known
from apigpu.compiler.emit import emit
from apigpu.compiler.encoders import ENCODERS
from apigpu.compiler.verify import verify
from apigpu.errors import ApiGpuError, GraphError
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import Capabilities, capabilities_of
from apigpu.ffmpeg.process import capture_sync
from apigpu.filters import Concat, Crop, Extend, FrameRate, Hold, Overlay, Scale, Trim, fit
from apigpu.formats import Domain, Home
from apigpu.graph import FileInput, Fragment, Pad
from apigpu.media.facts import MediaFile
from apigpu.media.handles import Media
from apigpu.streams import Clip, VideoStream
from apigpu.targets.presets import named_target
from apigpu.targets.target import Target
from support import media_file

X264 = ENCODERS["libx264"]
SIDES = st.integers(1, 130).map(lambda half: half * 2)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Bench:
    """A picture to begin from, and the FFmpeg to ask."""

    def __init__(self, binaries: Binaries, target: Target, file: MediaFile, folder: Path) -> None:
        self.binaries = binaries
        self.target = target
        self.file = file
        self.folder = folder

    def configures(self, graph: Concrete) -> bool:
        """True where FFmpeg sets the graph up and renders a frame of it."""
        arguments = emit(
            graph, {"f": "null", "c:v": "libx264", "preset": "ultrafast", "frames:v": "1"}, self.binaries.version
        ).arguments
        done = capture_sync([self.binaries.ffmpeg, "-v", "error", *arguments[:-1], "-"], timeout_s=60)
        return done.exit_code == 0

    def begin(self) -> tuple[Pad, dict[Pad, Known]]:
        media = Media(files={"in": self.file})
        video = media.video("in").video
        assert video is not None
        pad = Pad(FileInput(self.file), 0)
        return pad, {pad: Known(video.format, Home(Domain.SYSTEM, "yuv420p"))}


@pytest.fixture(scope="session")
def bench(each_binaries: Binaries, clip_file: MediaFile, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    target = named_target("cpu", capabilities_of(each_binaries))
    return Bench(each_binaries, target, clip_file, tmp_path_factory.mktemp("out"))


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    """One FFmpeg filter of the vocabulary, with options that may or may not be legal where they land."""
    name = draw(
        st.sampled_from(
            [
                "scale",
                "crop",
                "pad",
                "transpose",
                "setsar",
                "fps",
                "format",
                "gblur",
                "yadif",
                "trim",
                "hflip",
                "setpts",
            ]
        )
    )
    number = st.integers(0, 260)
    options: dict[str, object] = {}
    if name in {"scale", "crop", "pad"}:
        options = {"w": draw(st.integers(0, 260)), "h": draw(st.integers(0, 260))}
    if name in {"crop", "pad"}:
        options |= {"x": draw(number), "y": draw(number)}
    if name == "transpose":
        options = {"dir": draw(st.sampled_from(["clock", "cclock"]))}
    if name == "setsar":
        options = {"sar": draw(st.sampled_from(["1", "2/1"]))}
    if name == "fps":
        options = {"fps": draw(st.sampled_from([Fraction(25), Fraction(30000, 1001)]))}
    if name == "format":
        options = {"pix_fmts": draw(st.sampled_from(["yuv420p", "rgb24", "yuv444p", "nv12", "yuva420p", "gray"]))}
    if name == "gblur":
        options = {"sigma": draw(st.floats(0, 50))}
    if name == "trim":
        options = {"start": draw(st.sampled_from([0.0, 0.2])), "end": draw(st.sampled_from([0.1, 0.5]))}
    if name == "setpts":
        options = {"expr": "PTS-STARTPTS"}
    return name, options


@st.composite
def joins(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["", "concat", "overlay", "blend", "alphamerge"]))


@SLOW
@given(left=st.lists(steps(), max_size=4), right=st.lists(steps(), max_size=3), join=joins())
def test_a_concrete_graph_that_verify_accepts_is_one_that_ffmpeg_configures(
    bench: Bench, left: list[tuple[str, dict[str, object]]], right: list[tuple[str, dict[str, object]]], join: str
) -> None:
    pad, known = bench.begin()
    fragment = Fragment("t")
    first, second = fragment.call("split", (pad,), {}, outputs=2) if join else (pad, pad)
    for name, options in left:
        first = fragment.filter(name, first, **options)  # type: ignore[arg-type]
    if join:
        for name, options in right:
            second = fragment.filter(name, second, **options)  # type: ignore[arg-type]
        first = fragment.filter(join, first, second)
    graph = Concrete(fragment.filter("format", first, pix_fmts="yuv420p"), None, known)
    try:
        verify(graph, X264, bench.target)
    except GraphError:
        return
    assert bench.configures(graph)


@st.composite
def pictures(draw: st.DrawFn) -> list[tuple[str, tuple[int, int, int, int, float, float]]]:
    """A wish list of logical filters, as data, since streams cannot be drawn without files."""
    kinds = st.sampled_from(["scale", "crop", "extend", "fit", "rate", "trim", "hold", "overlay", "concat", "raw"])
    return [
        (
            draw(kinds),
            (draw(SIDES), draw(SIDES), draw(SIDES), draw(SIDES), draw(st.floats(0, 1)), draw(st.floats(0.2, 2))),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]


def built(video: VideoStream, wishes: list[tuple[str, tuple[int, int, int, int, float, float]]]) -> VideoStream:
    for kind, (w, h, x, y, start, length) in wishes:
        match kind:
            case "scale":
                video = video.apply(Scale(w, h))
            case "crop":
                video = video.apply(Crop(w, h, x, y))
            case "extend":
                video = video.apply(Extend(w, h, x, y))
            case "fit":
                video = fit(video, w, h, "cover" if x > y else "contain")
            case "rate":
                video = video.apply(FrameRate(Fraction(x, 4) + 10))
            case "trim":
                video = video.apply(Trim(start, start + length))
            case "hold":
                video = video.apply(Hold(length))
            case "overlay":
                video = video.apply(Overlay(x, y), video.apply(Scale(w, h)))
            case "concat":
                video = video.apply(Concat(), video.filter("hflip"))
            case _:
                video = video.filter("boxblur", luma_radius=1)
    return video


@SLOW
@given(wishes=pictures())
def test_every_graph_of_the_vocabulary_that_compiles_is_rendered_with_the_size_it_promises(
    bench: Bench, wishes: list[tuple[str, tuple[int, int, int, int, float, float]]]
) -> None:
    video = Media(files={"in": bench.file}).video("in").video
    assert video is not None
    try:
        plan = compile_clip(Clip(built(video, wishes)), bench.target)
    except ApiGpuError:
        return
    out = bench.folder / "out.mp4"
    argv = plan.argv(ffmpeg=bench.binaries.ffmpeg, output=str(out))
    done = capture_sync([*argv[:1], "-v", "error", *argv[1:]], timeout_s=60)
    assert done.exit_code == 0, done.stderr.decode()
    assert picture_size(bench.binaries, out) == (plan.output.width, plan.output.height)


def picture_size(binaries: Binaries, path: Path) -> tuple[int, ...]:
    entries = ["-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0"]
    done = capture_sync([binaries.ffprobe, "-v", "error", *entries, str(path)], timeout_s=20)
    return tuple(int(side) for side in done.stdout.decode().strip().split(",")[:2])


# ------------------------------------------------------------------------------------------ rules without FFmpeg

OPTIONS = "w h x y format pix_fmts eof_action sigma interp_algo".split()
NAMES = "scale scale_cuda overlay_cuda hwupload hwdownload format gblur crop split".split()
STATED = Capabilities.stated(filters=dict.fromkeys(NAMES, OPTIONS), encoders=["libx264", "h264_nvenc"])


def problems_of(*calls: tuple[str, dict[str, object]], encoder: str = "libx264", pix_fmt: str = "yuv420p") -> str:
    """What verify says of a chain on a 1920x1080 picture."""
    video = Media(files={"in": media_file()}).video("in").video
    assert video is not None
    pad = Pad(FileInput(media_file()), 0)
    known = {pad: Known(video.format, Home(Domain.SYSTEM, pix_fmt))}
    fragment = Fragment("t", "mine")
    for name, options in calls:
        pad = fragment.filter(name, pad, **options)  # type: ignore[arg-type]
    with pytest.raises(GraphError) as caught:
        verify(Concrete(pad, None, known), ENCODERS[encoder], named_target("l4", STATED))
    return str(caught.value)


def test_a_cpu_filter_on_cuda_frames_is_refused_by_name() -> None:
    said = problems_of(("hwupload", {}), ("gblur", {"sigma": 2}))
    assert "gblur (mine): pad 0 needs frames in system memory, gets cuda:yuv420p 1920x1080" in said


def test_a_cuda_filter_on_system_frames_is_refused_by_name() -> None:
    assert "scale_cuda (mine): pad 0 needs CUDA frames, gets system:yuv420p 1920x1080" in problems_of(
        ("scale_cuda", {})
    )


def test_a_download_without_the_frames_own_layout_is_refused() -> None:
    said = problems_of(("hwupload", {}), ("hwdownload", {}), ("format", {"pix_fmts": "yuv444p"}))
    assert "hwdownload (mine): must be followed by format=yuv420p" in said


def test_a_layout_that_cuda_frames_cannot_have_is_not_uploaded() -> None:
    assert "cannot upload system:rgb24" in problems_of(("format", {"pix_fmts": "rgb24"}), ("hwupload", {}))


def test_an_unknown_filter_and_an_unknown_option_are_refused() -> None:
    assert "ffmpeg 8.0.0 has no such filter" in problems_of(("scalee", {}))
    assert "knows no option 'wdith' here" in problems_of(("scale", {"wdith": 2}))


def test_an_odd_picture_never_reaches_a_420_encoder() -> None:
    assert "libx264 needs even sides, gets 101x100" in problems_of(("scale", {"w": 101, "h": 100}))


def test_an_output_that_nobody_uses_is_refused() -> None:
    video = Media(files={"in": media_file()}).video("in").video
    assert video is not None
    pad = Pad(FileInput(media_file()), 0)
    known = {pad: Known(video.format, Home(Domain.SYSTEM, "yuv420p"))}
    first, _ = Fragment("t").call("split", (pad,), {}, outputs=2)
    with pytest.raises(GraphError, match="output 1 is used 0 times"):
        verify(Concrete(first, None, known), X264, named_target("cpu", STATED))


def test_cuda_filters_are_kept_from_what_ffmpeg_does_wrong() -> None:
    """What each does without its rule is shown in tests/softgpu: test_filters and test_codecs."""
    assert "scale_cuda (mine): needs nearest, bilinear or bicubic without param" in problems_of(
        ("hwupload", {}), ("scale_cuda", {"w": 640, "h": 360, "interp_algo": "lanczos"})
    )
    assert "overlay_cuda (mine): needs eof_action=pass" in laid_over({"x": 0, "y": 0})
    assert "the layer of 640x360 at 0,800 leaves 1920x1080" in laid_over({"x": 0, "y": 800, "eof_action": "pass"})


def laid_over(options: dict[str, object]) -> str:
    """What verify says of a small picture laid over a large one on CUDA."""
    video = Media(files={"in": media_file()}).video("in").video
    assert video is not None
    pad = Pad(FileInput(media_file()), 0)
    known = {pad: Known(video.format, Home(Domain.SYSTEM, "yuv420p"))}
    fragment = Fragment("t", "mine")
    main, layer = fragment.call("split", (fragment.filter("hwupload", pad),), {}, outputs=2)
    layer = fragment.filter("scale_cuda", layer, w=640, h=360)
    over = fragment.filter("overlay_cuda", main, layer, **options)  # type: ignore[arg-type]
    with pytest.raises(GraphError) as caught:
        verify(Concrete(over, None, known), ENCODERS["h264_nvenc"], named_target("l4", STATED))
    return str(caught.value)
