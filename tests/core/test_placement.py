"""Placement: exact, fast, and clear where there is none."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apigpu.compiler import compile_clip
from apigpu.compiler.elimination import INFINITE
from apigpu.compiler.encoders import choose_encoder
from apigpu.compiler.place import place
from apigpu.compiler.problem import SINK, Problem, problem_of, solve_problem
from apigpu.errors import InputError, UnsupportedError
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.filters import Concat, Overlay, Scale
from apigpu.formats import Domain, VideoFormat
from apigpu.graph import Fragment, ImageSource, Implementation, Pad, VideoFilter
from apigpu.media.facts import ImageFacts, MediaFile
from apigpu.media.handles import Media
from apigpu.streams import Clip, VideoStream, owned_by
from apigpu.targets.presets import named_target
from apigpu.targets.target import Target
from support import media_file

OPTIONS = "w h x y flags param0 param1 sar format pix_fmts eof_action n v a expr sigma interp_algo".split()
NAMES = (
    "scale scale_cuda setsar format hwupload hwdownload overlay overlay_cuda concat split gblur crop setpts".split()
)
FILTERS = dict.fromkeys(NAMES, OPTIONS)
STATED = Capabilities.stated(filters=FILTERS, encoders=["libx264", "h264_nvenc"], version=(5, 1, 9))


def clip_of(**facts: object) -> Clip:
    media = Media(files={"in": media_file(**facts)})  # type: ignore[arg-type]
    return media.video("in")


def video_of(**facts: object) -> VideoStream:
    video = clip_of(**facts).video
    assert video is not None
    return video


@dataclass(frozen=True)
class Anywhere(VideoFilter):
    """A filter with invented costs in each domain, for tests."""

    serial: int
    system_ns: int | None
    cuda_ns: int | None

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        def build(fragment: Fragment, *pads: Pad) -> Pad:
            return fragment.filter("gblur", *pads)

        rows = []
        if self.system_ns is not None:
            accepted = (("yuv420p", "yuv444p"),)
            rows.append(
                Implementation(domain=Domain.SYSTEM, accepts=accepted, build=build, cost_ns_per_s=self.system_ns)
            )
        if self.cuda_ns is not None:
            accepted = (("yuv420p", "nv12"),)
            rows.append(Implementation(domain=Domain.CUDA, accepts=accepted, build=build, cost_ns_per_s=self.cuda_ns))
        return rows


@st.composite
def small_graphs(draw: st.DrawFn) -> VideoStream:
    """Graphs of up to six filters with shared streams, whose costs make every placement worth a thought."""
    streams = [video_of(width=64, height=64)]
    cost = st.one_of(st.none(), st.integers(0, 2_000_000))
    for serial in range(draw(st.integers(1, 5))):
        system_ns, cuda_ns = draw(cost), draw(cost)
        if system_ns is None and cuda_ns is None:
            system_ns = 7
        inputs = draw(st.lists(st.sampled_from(streams), min_size=1, max_size=2))
        streams.append(inputs[0].apply(Anywhere(serial, system_ns, cuda_ns), *inputs[1:]))
    extra = draw(st.lists(st.sampled_from(streams), min_size=0, max_size=3))
    return streams[-1].apply(Concat(), *extra)


def brute_force(problem: Problem) -> float:
    """The least cost, by trying every combination of rows."""
    variables = list(problem.rows)
    best = INFINITE
    for choice in itertools.product(*(range(len(problem.rows[variable])) for variable in variables)):
        best = min(best, total(problem, dict(zip(variables, choice, strict=True))))
    return best


def total(problem: Problem, chosen: dict[int, int]) -> float:
    """The stated cost of one assignment: rows, and every distinct home of every stream once."""
    cost = sum(problem.rows[variable][row].cost_ns_per_s for variable, row in chosen.items())
    for producer, users in problem.uses.items():
        source = problem.rows[producer][chosen[producer]]
        needed = {problem.rows[user][chosen[user]].inputs[pad]: (user, pad) for user, pad in users}
        for user, pad in needed.values():
            cost += problem.conversion_ns(producer, source, problem.rows[user][chosen[user]], pad)
    return cost


@settings(max_examples=60, deadline=None)
@given(small_graphs(), st.sampled_from(["cpu", "l4", "h100"]))
def test_placement_costs_what_the_best_of_all_placements_costs(video: VideoStream, name: str) -> None:
    target = named_target(name, STATED)
    problem = problem_of(video.node, choose_encoder("h264", video.format, target), target)
    if not all(problem.rows.values()):
        return
    cost, chosen = solve_problem(problem)
    assert cost == pytest.approx(brute_force(problem))
    if cost < INFINITE:
        assert total(problem, chosen) == pytest.approx(cost)


def hundred_images() -> VideoStream:
    slides = []
    for number in range(100):
        image = ImageFacts(width=4000 + number * 2, height=3000, pix_fmt="yuvj420p", codec="mjpeg")
        file = MediaFile(path=f"/media/{number}.jpg", format="image", size_bytes=1, image=image)
        still = Media(files={"it": file}).image("it")
        assert isinstance(still.node.operator, ImageSource)
        slides.append(still.apply(Scale(1920, 1080)).filter("gblur", sigma=number + 1.0))
    joined = slides[0].apply(Concat(), *slides[1:])
    layer = slides[0].apply(Scale(200, 100))
    return joined.apply(Overlay(20, 20), layer)


@pytest.mark.parametrize("name", ["cpu", "l4"])
def test_a_graph_of_a_hundred_images_is_placed_in_under_100_ms(name: str) -> None:
    video = hundred_images()
    target = named_target(name, STATED)
    encoder = choose_encoder("h264", video.format, target)
    place(video.node, encoder, target)
    taken = []
    for _ in range(5):
        begun = time.process_time()
        place(video.node, encoder, target)
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.1


def test_a_stream_that_is_used_twice_is_split_after_its_download_which_is_paid_once() -> None:
    video = video_of().apply(Scale(640, 360))
    twice = video.filter("gblur", sigma=1.0).apply(Concat(), video.filter("gblur", sigma=2.0))
    plan = compile_clip(Clip(twice), named_target("h100", STATED))
    assert len([link for link in plan.transfers if link.transfer == "download"]) == 1
    assert any("split=2" in argument for argument in plan.argv())


def test_frames_of_a_card_without_nvenc_come_down_for_the_encoder() -> None:
    plan = compile_clip(Clip(video_of().apply(Scale(640, 360))), named_target("a100", STATED))
    assert plan.output.video == "libx264"


def test_frames_stay_on_the_card_where_everything_runs_there() -> None:
    plan = compile_clip(Clip(video_of().apply(Scale(640, 360))), named_target("l4", STATED))
    assert plan.output.video == "h264_nvenc"
    assert plan.decoders == ("h264 (NVDEC)",)
    assert plan.transfers == ()


def test_equal_filters_on_one_stream_run_once() -> None:
    video = video_of()
    twice = video.apply(Scale(640, 360)).apply(Concat(), video.apply(Scale(640, 360)))
    argv = compile_clip(Clip(twice), named_target("cpu", STATED)).argv()
    assert sum(argument.count("scale=") for argument in argv) == 1


@dataclass(frozen=True)
class OnlyOn(VideoFilter):
    """A filter that one domain has, through one FFmpeg filter."""

    domain: Domain
    name: str
    layout: str = "yuv420p"

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        return [
            Implementation(
                domain=self.domain,
                accepts=((self.layout,),),
                build=lambda fragment, video: fragment.filter(self.name, video),
            )
        ]

    @property
    def label(self) -> str:
        return self.name


def test_without_a_placement_the_message_names_the_step_every_way_tried_and_the_cheapest_mend() -> None:
    with owned_by("sharpen"):
        video = video_of().apply(OnlyOn(Domain.CUDA, "sharpen_cuda"))
    with pytest.raises(UnsupportedError) as caught:
        compile_clip(Clip(video), named_target("l4", STATED))
    assert str(caught.value).splitlines() == [
        "cannot place sharpen_cuda (sharpen): no way to run it on l4.",
        "  tried   sharpen_cuda on cuda: ffmpeg 5.1.9 has no filter sharpen_cuda",
        "  fix     use a machine where sharpen_cuda runs on cuda (here: ffmpeg 5.1.9 has no filter sharpen_cuda); "
        "the plan then costs 15.6 ms a second of video.",
    ]


def test_without_a_conversion_the_message_names_the_pad_and_what_it_is_offered() -> None:
    both = Target("odd", STATED, domains=frozenset({Domain.SYSTEM, Domain.VULKAN}))
    stated = Capabilities.stated(filters={**FILTERS, "blur_vulkan": []}, encoders=["libx264"], version=(5, 1, 9))
    video = video_of().apply(OnlyOn(Domain.VULKAN, "blur_vulkan"))
    with pytest.raises(UnsupportedError) as caught:
        compile_clip(Clip(video), Target("odd", stated, domains=both.domains))
    assert str(caught.value).startswith(
        "cannot place pad 0 of blur_vulkan: needs vulkan:yuv420p, gets system:yuv420p from decode h264."
    )


def test_an_unknown_target_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="Did you mean 'rtx4090'"):
        named_target("rtx409", STATED)


def test_the_sink_is_part_of_the_problem() -> None:
    target = named_target("cpu", STATED)
    video = video_of()
    problem = problem_of(video.node, choose_encoder("h264", video.format, target), target)
    assert [row.by for row in problem.rows[SINK]] == ["libx264"]
