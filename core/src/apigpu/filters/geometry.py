"""Filters that change size and place: scaling, cutting, framing and laying over. Sizes in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from apigpu.errors import PluginError
from apigpu.filters.rows import SCALE_OPTIONS, require_even, simple, size, system
from apigpu.formats import Domain, VideoFormat
from apigpu.graph import ANY_CUDA, Fragment, Implementation, Pad, Value, VideoFilter

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
        require_even(type(self).__name__, self.width, self.height)

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        return replace(inputs[0], width=self.width, height=self.height, sar=Fraction(1))

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        pixels_per_s = max(inputs[0].pixels_per_s, self.output(*inputs).pixels_per_s)

        def on_cpu(fragment: Fragment, video: Pad) -> Pad:
            size_asked: dict[str, Value] = {"w": self.width, "h": self.height}
            (scaled,) = fragment.call("scale", (video,), {**size_asked, **SCALE_OPTIONS})
            return fragment.filter("setsar", scaled, sar=1)

        def on_cuda(fragment: Fragment, video: Pad) -> Pad:
            scaled = fragment.filter("scale_cuda", video, w=self.width, h=self.height)
            return fragment.filter("setsar", scaled, sar=1)

        return [
            system(on_cpu, SCALE_NS * pixels_per_s),
            Implementation(
                domain=Domain.CUDA,
                accepts=(CUDA_OPAQUE,),
                build=on_cuda,
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
        require_even("Crop", self.width, self.height, self.x, self.y)
        if self.x + self.width > inputs[0].width or self.y + self.height > inputs[0].height:
            raise PluginError(f"the crop {self} reaches outside the picture of {size(inputs[0])}.")
        return replace(inputs[0], width=self.width, height=self.height)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        # CUDA has no row: crop only tags CUDA frames, and scale_cuda and overlay_cuda ignore the tag.
        return [simple("crop", 0.1 * inputs[0].pixels_per_s, w=self.width, h=self.height, x=self.x, y=self.y)]


@dataclass(frozen=True)
class Extend(VideoFilter):
    """The picture at `x`, `y` on a ground of one `colour` (an FFmpeg colour). All four numbers even."""

    width: int
    height: int
    x: int
    y: int
    colour: str = "black"

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        require_even("Extend", self.width, self.height, self.x, self.y)
        if self.x + inputs[0].width > self.width or self.y + inputs[0].height > self.height:
            raise PluginError(f"a picture of {size(inputs[0])} does not fit into {self}.")
        return replace(inputs[0], width=self.width, height=self.height)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        options: dict[str, int | str] = {"w": self.width, "h": self.height, "x": self.x, "y": self.y}
        options["color"] = self.colour
        rows = [simple("pad", 0.4 * self.output(*inputs).pixels_per_s, **options)]
        formats = ("nv12", "yuv420p", "yuv444p", "yuva420p")
        cuda = simple("pad_cuda", 0.02 * self.output(*inputs).pixels_per_s, **options)
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
        require_even("Overlay", self.x, self.y)
        if self.x < 0 or self.y < 0 or self.x + layer.width > main.width or self.y + layer.height > main.height:
            raise PluginError(f"a layer of {size(layer)} at {self.x},{self.y} leaves the picture of {size(main)}.")
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
