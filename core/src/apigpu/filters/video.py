"""The vocabulary of picture filters that every plugin may use. Sizes in pixels, times in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from apigpu.errors import InputError, PluginError
from apigpu.formats import Domain, VideoFormat
from apigpu.graph import (
    ANY_CUDA,
    ANY_SYSTEM,
    Fragment,
    Implementation,
    Pad,
    Value,
    VideoFilter,
    Window,
)

# Nanoseconds of CPU time a pixel on one core at about 3 GHz; GPU time is entered at a tenth.
SCALE_NS = 3.0
SCALE_CUDA_NS = 0.05
OVERLAY_NS = 1.2
OVERLAY_CUDA_NS = 0.05

CUDA_OPAQUE = tuple(name for name in ANY_CUDA if name != "yuva420p")
"""What scale_cuda takes and gives; it knows no alpha."""


@dataclass(frozen=True)
class Scale(VideoFilter):
    """The whole picture resized to `width` x `height`, both even, square pixels, whatever that does to its shape."""

    width: int
    height: int

    def __post_init__(self) -> None:
        _require_even(type(self).__name__, self.width, self.height)

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        return replace(inputs[0], width=self.width, height=self.height, sar=Fraction(1))

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        pixels_per_s = max(inputs[0].pixels_per_s, self.output(*inputs).pixels_per_s)

        def system(fragment: Fragment, video: Pad) -> Pad:
            scaled = fragment.filter("scale", video, w=self.width, h=self.height, flags="bicubic")
            return fragment.filter("setsar", scaled, sar=1)

        def cuda(fragment: Fragment, video: Pad) -> Pad:
            scaled = fragment.filter("scale_cuda", video, w=self.width, h=self.height)
            return fragment.filter("setsar", scaled, sar=1)

        return [
            _system(system, SCALE_NS * pixels_per_s),
            Implementation(
                domain=Domain.CUDA,
                accepts=(CUDA_OPAQUE,),
                build=cuda,
                cost_ns_per_s=SCALE_CUDA_NS * pixels_per_s,
            ),
        ]


@dataclass(frozen=True)
class Crop(VideoFilter):
    """The part of the picture that begins at `x`, `y`. All four numbers even."""

    width: int
    height: int
    x: int
    y: int

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        _require_even("Crop", self.width, self.height, self.x, self.y)
        if self.x + self.width > inputs[0].width or self.y + self.height > inputs[0].height:
            raise PluginError(f"the crop {self} reaches outside the picture of {_size(inputs[0])}.")
        return replace(inputs[0], width=self.width, height=self.height)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        # CUDA has no row: crop only tags CUDA frames, and scale_cuda and overlay_cuda ignore the tag.
        return [_simple("crop", 0.1 * inputs[0].pixels_per_s, w=self.width, h=self.height, x=self.x, y=self.y)]


@dataclass(frozen=True)
class Extend(VideoFilter):
    """The picture at `x`, `y` on a ground of one `colour` (an FFmpeg colour). All four numbers even."""

    width: int
    height: int
    x: int
    y: int
    colour: str = "black"

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        _require_even("Extend", self.width, self.height, self.x, self.y)
        if self.x + inputs[0].width > self.width or self.y + inputs[0].height > self.height:
            raise PluginError(f"a picture of {_size(inputs[0])} does not fit into {self}.")
        return replace(inputs[0], width=self.width, height=self.height)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        options: dict[str, int | str] = {"w": self.width, "h": self.height, "x": self.x, "y": self.y}
        options["color"] = self.colour
        rows = [_simple("pad", 0.4 * self.output(*inputs).pixels_per_s, **options)]
        formats = ("nv12", "yuv420p", "yuv444p", "yuva420p")
        cuda = _simple("pad_cuda", 0.02 * self.output(*inputs).pixels_per_s, **options)
        return [*rows, replace(cuda, domain=Domain.CUDA, accepts=(formats,))]


@dataclass(frozen=True)
class Overlay(VideoFilter):
    """The second input laid over the first at `x`, `y` (even), blended by its alpha, from its first frame on.

    After its last frame the layer is gone. It must lie inside the main picture: FFmpeg's overlay_cuda writes
    past the edge into other memory (seen in 5.1 and 9.0).
    """

    x: int = 0
    y: int = 0

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        main, layer = inputs
        _require_even("Overlay", self.x, self.y)
        if self.x < 0 or self.y < 0 or self.x + layer.width > main.width or self.y + layer.height > main.height:
            raise PluginError(f"a layer of {_size(layer)} at {self.x},{self.y} leaves the picture of {_size(main)}.")
        return main

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        main, layer = inputs
        layer_format = "yuva420p" if layer.has_alpha else "yuv420p"
        options: dict[str, int | str] = {"x": self.x, "y": self.y, "eof_action": "pass"}
        area_per_s = layer.width * layer.height * float(main.frame_rate)
        rows = [
            Implementation(
                domain=Domain.SYSTEM,
                accepts=(("yuv420p",), (layer_format,)),
                produces="yuv420p",
                build=lambda fragment, *pads: fragment.filter("overlay", *pads, **options),
                cost_ns_per_s=OVERLAY_NS * area_per_s,
            )
        ]
        pairs = [("yuv420p", layer_format)] + ([] if layer.has_alpha else [("nv12", "nv12")])
        rows += [
            Implementation(
                domain=Domain.CUDA,
                accepts=((main_format,), (over_format,)),
                produces=main_format,
                build=lambda fragment, *pads: fragment.filter("overlay_cuda", *pads, **options),
                cost_ns_per_s=OVERLAY_CUDA_NS * area_per_s,
            )
            for main_format, over_format in pairs
        ]
        return rows


@dataclass(frozen=True)
class FrameRate(VideoFilter):
    """Evenly spaced frames at `frame_rate` a second, made by repeating and dropping."""

    frame_rate: Fraction

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        return replace(inputs[0], frame_rate=self.frame_rate, is_vfr=False)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        return transparent("fps", fps=self.frame_rate)

    def cut(self, window: Window, *inputs: VideoFormat) -> tuple[FrameRate, tuple[Window | None, ...]]:
        margin_s = 2 / float(min(self.frame_rate, inputs[0].frame_rate))
        return self, (Window(max(0.0, window.start_s - margin_s), window.end_s + margin_s),)


@dataclass(frozen=True)
class Trim(VideoFilter):
    """The stretch from `start_s` (included) to `end_s` (not included), beginning at time 0 again."""

    start_s: float
    end_s: float

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        if not 0 <= self.start_s < self.end_s:
            raise InputError(f"the stretch from {self.start_s} s to {self.end_s} s is empty.", code="empty_range")
        length_s = min(self.end_s, inputs[0].duration_s or self.end_s) - self.start_s
        last_frame_s = inputs[0].duration_s - 1 / float(inputs[0].frame_rate)
        if length_s <= 0 or self.start_s > last_frame_s + 1e-6:
            raise InputError(
                f"the stretch begins at {self.start_s} s, but the last frame at {max(0.0, last_frame_s):.3f} s.",
                code="empty_range",
            )
        return replace(inputs[0], duration_s=length_s)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        def build(fragment: Fragment, video: Pad) -> Pad:
            kept = fragment.filter("trim", video, start=self.start_s, end=self.end_s)
            return fragment.filter("setpts", kept, expr=f"PTS-({self.start_s:.6f})/TB") if self.start_s else kept

        return everywhere(build)

    def cut(self, window: Window, *inputs: VideoFormat) -> tuple[Trim, tuple[Window | None, ...]]:
        return self, (window.shifted(self.start_s),)


@dataclass(frozen=True)
class Hold(VideoFilter):
    """The last frame held until the picture lasts `duration_s`."""

    duration_s: float

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        return replace(inputs[0], duration_s=max(self.duration_s, inputs[0].duration_s))

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        # tpad copies pixels, so CUDA frames would have to come down for it.
        more_s = max(0.0, self.duration_s - inputs[0].duration_s)
        return [_simple("tpad", 0.2 * inputs[0].pixels_per_s, stop_mode="clone", stop_duration=more_s)]

    def cut(self, window: Window, *inputs: VideoFormat) -> tuple[Hold, tuple[Window | None, ...]]:
        frame_s = 2 / float(inputs[0].frame_rate)
        start_s = min(window.start_s, max(0.0, inputs[0].duration_s - frame_s))
        return self, (Window(start_s, max(window.end_s, start_s + frame_s)),)


@dataclass(frozen=True)
class Concat(VideoFilter):
    """Its inputs, one after the other. They must agree in size and have square pixels.

    `skipped_s` is what a preview left out before the first of them.
    """

    skipped_s: float = 0.0

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        first = inputs[0]
        for number, item in enumerate(inputs):
            if (item.width, item.height) != (first.width, first.height):
                raise PluginError(f"input {number} of concat is {_size(item)}, but the first is {_size(first)}.")
        total_s = self.skipped_s + sum(item.duration_s for item in inputs)
        vfr = any(item.is_vfr or item.frame_rate != first.frame_rate for item in inputs)
        return replace(first, duration_s=total_s, is_vfr=vfr, change_rate=None)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        def build(fragment: Fragment, *pads: Pad) -> Pad:
            joined = fragment.filter("concat", *pads, n=len(pads), v=1, a=0) if len(pads) > 1 else pads[0]
            if not self.skipped_s:
                return joined
            return fragment.filter("setpts", joined, expr=f"PTS+({self.skipped_s:.6f})/TB")

        # On CUDA all inputs would have to share one frames context, which FFmpeg does not arrange.
        return [Implementation(domain=Domain.SYSTEM, accepts=(("yuv420p",),), produces="yuv420p", build=build)]

    def cut(self, window: Window, *inputs: VideoFormat) -> tuple[Concat, tuple[Window | None, ...]]:
        starts = list(accumulate((item.duration_s for item in inputs), initial=self.skipped_s))
        windows = [
            Window(max(0.0, window.start_s - start), window.end_s - start)
            if _holds_a_frame(window, start, item)
            else None
            for start, item in zip(starts, inputs, strict=False)
        ]
        if not any(windows):
            last = len(inputs) - 1
            windows[last] = window.shifted(-starts[last])
        first = next(number for number, item in enumerate(windows) if item is not None)
        return replace(self, skipped_s=starts[first]), tuple(windows)


def transparent(name: str, **options: Value) -> Sequence[Implementation]:
    """Implementations of an FFmpeg filter that passes frames of any memory by reference, such as `fps`."""
    return everywhere(lambda fragment, video: fragment.call(name, (video,), options)[0])


def everywhere(build: Callable[..., Pad]) -> Sequence[Implementation]:
    """Implementations of calls that pass frames of any memory by reference."""
    return [
        Implementation(domain=Domain.SYSTEM, accepts=(ANY_SYSTEM,), build=build),
        Implementation(domain=Domain.CUDA, accepts=(ANY_CUDA,), build=build),
    ]


def _simple(name: str, cost_ns_per_s: float, **options: Value) -> Implementation:
    return _system(lambda fragment, video: fragment.call(name, (video,), options)[0], cost_ns_per_s)


def _system(build: Callable[..., Pad], cost_ns_per_s: float) -> Implementation:
    return Implementation(domain=Domain.SYSTEM, accepts=(ANY_SYSTEM,), build=build, cost_ns_per_s=cost_ns_per_s)


def _holds_a_frame(window: Window, start_s: float, item: VideoFormat) -> bool:
    """True where a frame of a stream that begins at `start_s` falls into the window."""
    last_s = start_s + item.duration_s - (0 if item.is_vfr else 1 / float(item.frame_rate))
    return start_s < window.end_s and window.start_s <= last_s + 1e-6


def _require_even(what: str, *numbers: int) -> None:
    if any(number % 2 for number in numbers):
        raise PluginError(f"{what} needs even numbers, and got {', '.join(map(str, numbers))}.")


def _size(picture: VideoFormat) -> str:
    return f"{picture.width}x{picture.height}"
