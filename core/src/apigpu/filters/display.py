"""`Display`: the picture as a player shows it, so that no operation has to think of rotation or pixel shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from apigpu.filters.rows import SCALE_OPTIONS
from apigpu.formats import Domain, VideoFormat
from apigpu.graph import ANY_CUDA, ANY_SYSTEM, Fragment, Implementation, Pad, VideoFilter
from apigpu.media.facts import Color, VideoFacts

SDR = Color(range="tv", space="bt709", primaries="bt709", transfer="bt709")
_TRANSPOSE = {90: "clock", 270: "cclock"}


@dataclass(frozen=True)
class Display(VideoFilter):
    """Upright, square pixels, even sizes, progressive and SDR: each done only where the file needs it.

    `rotation_deg` turns clockwise after `mirrored` has swapped left and right. `color` are the words of an
    HDR source; None for SDR.
    """

    rotation_deg: int = 0
    mirrored: bool = False
    sar: Fraction = Fraction(1)
    interlaced: bool = False
    color: Color | None = None
    size: tuple[int, int] = (0, 0)
    """Width and height that come out."""
    needs_size: bool = False

    @classmethod
    def of(cls, facts: VideoFacts) -> Display:
        """What this stream needs before anything else happens to it."""
        width, height = shown_size(facts.width, facts.height, facts.sar, facts.rotation_deg)
        turned = (facts.height, facts.width) if facts.rotation_deg % 180 else (facts.width, facts.height)
        return cls(
            rotation_deg=facts.rotation_deg,
            mirrored=facts.mirrored,
            sar=facts.sar,
            interlaced=facts.is_interlaced,
            color=facts.color if facts.color.is_hdr else None,
            size=(width, height),
            needs_size=(width, height) != turned,
        )

    @property
    def does_anything(self) -> bool:
        return bool(
            self.rotation_deg or self.mirrored or self.sar != 1 or self.interlaced or self.color or self.needs_size
        )

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        width, height = self.size
        shown = replace(inputs[0], width=width, height=height, sar=Fraction(1))
        if self.color is not None:
            return replace(shown, pix_fmt="yuv420p", color=SDR)
        return shown

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        pixels_per_s = inputs[0].pixels_per_s
        system = Implementation(
            domain=Domain.SYSTEM,
            accepts=((inputs[0].pix_fmt, *ANY_SYSTEM),),
            produces="yuv420p" if self.color is not None else "",
            build=self._build_system,
            cost_ns_per_s=pixels_per_s * (40.0 if self.color is not None else 4.0),
        )
        loses_an_edge = self.needs_size and self.sar == 1
        if self.color is not None or self.mirrored or self.rotation_deg == 180 or loses_an_edge:
            return [system]  # FFmpeg has no CUDA filter that tone-maps, mirrors, turns by 180 degrees or crops
        formats = tuple(name for name in ANY_CUDA if name != "yuva420p")
        cuda = Implementation(
            domain=Domain.CUDA, accepts=(formats,), build=self._build_cuda, cost_ns_per_s=pixels_per_s * 0.1
        )
        return [system, cuda]

    def _build_system(self, fragment: Fragment, video: Pad) -> Pad:
        if self.interlaced:
            video = fragment.filter("yadif", video, deint="interlaced")
        if self.color is not None:
            video = _tone_map(fragment, video, self.color)
        if self.mirrored or self.rotation_deg:
            video = _without_matrix(fragment, video)
        if self.mirrored:
            video = fragment.filter("hflip", video)
        if self.rotation_deg == 180:
            video = fragment.filter("vflip", fragment.filter("hflip", video))
        elif self.rotation_deg:
            video = fragment.filter("transpose", video, dir=_TRANSPOSE[self.rotation_deg])
        width, height = self.size
        if self.sar != 1:
            (video,) = fragment.call("scale", (video,), {"w": width, "h": height, **SCALE_OPTIONS})
        elif self.needs_size:
            video = fragment.filter("crop", video, w=width, h=height, x=0, y=0)
        return fragment.filter("setsar", video, sar=1) if self.sar != 1 else video

    def _build_cuda(self, fragment: Fragment, video: Pad) -> Pad:
        if self.interlaced:
            video = fragment.filter("yadif_cuda", video, deint="interlaced")
        if self.rotation_deg:
            video = _without_matrix(fragment, video)
            video = fragment.filter("transpose_cuda", video, dir=_TRANSPOSE[self.rotation_deg])
        if self.sar == 1:
            return video
        width, height = self.size
        return fragment.filter("setsar", fragment.filter("scale_cuda", video, w=width, h=height), sar=1)


def shown_size(width: int, height: int, sar: Fraction, rotation_deg: int) -> tuple[int, int]:
    """Even width and height of the picture as shown: wider pixels widen it, taller ones make it taller."""
    shown_width = width * sar if sar > 1 else Fraction(width)
    shown_height = height / sar if sar < 1 else Fraction(height)
    if rotation_deg % 180:
        shown_width, shown_height = shown_height, shown_width
    return _even(shown_width), _even(shown_height)


def _even(length: Fraction) -> int:
    return max(2, int(length) // 2 * 2)


def _without_matrix(fragment: Fragment, video: Pad) -> Pad:
    """Frames whose display matrix is gone: it would reach the output, and a player would turn the picture again."""
    return fragment.filter("sidedata", video, mode="delete", type="DISPLAYMATRIX")


def _tone_map(fragment: Fragment, video: Pad, color: Color) -> Pad:
    """Hable tone curve in linear light. zscale knows no path from untagged pixels, hence the fall-back words."""
    video = fragment.filter(
        "zscale",
        video,
        tin=color.transfer,
        min=_known(color.space, "bt2020nc"),
        pin=_known(color.primaries, "bt2020"),
        rin=_known(color.range, "tv"),
        t="linear",
        npl=100,
    )
    video = fragment.filter("format", video, pix_fmts="gbrpf32le")
    video = fragment.filter("zscale", video, p="bt709")
    video = fragment.filter("tonemap", video, tonemap="hable", desat=0)
    video = fragment.filter("zscale", video, t="bt709", m="bt709", r="tv")
    return fragment.filter("format", video, pix_fmts="yuv420p")


def _known(word: str, otherwise: str) -> str:
    return word if word and word not in {"unknown", "reserved"} else otherwise
