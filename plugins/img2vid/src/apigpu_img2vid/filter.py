"""`KenBurns`: a still on which the camera rests or moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from apigpu.formats import Domain, VideoFormat
from apigpu.graph import ANY_SYSTEM, Fragment, Implementation, Pad, VideoFilter, Window
from apigpu.media.facts import Color
from apigpu_img2vid.ground import Still
from apigpu_img2vid.motion import Path
from apigpu_img2vid.perspective import perspective
from apigpu_img2vid.rational import rational, sheet_of
from apigpu_img2vid.shot import Shot, resting

BT709 = Color(range="tv", space="bt709", primaries="bt709", transfer="bt709")

# Nanoseconds of CPU time an output pixel and frame, on one core at about 3 GHz.
_RATIONAL_NS = 4.0
_PERSPECTIVE_NS = 15.0


@dataclass(frozen=True)
class KenBurns(VideoFilter):
    """`frames` frames of a still, seen by a camera that follows `path` over the upright picture.

    The input is the still as stored; `orientation` is EXIF's number. Out come upright yuv420p pictures of `width` x
    `height` (even) in BT.709, whatever the still was, with what is beyond the still or behind its alpha in
    `background` (`#RRGGBB`). `first` and `count` are what a preview asks for.
    """

    width: int
    height: int
    frame_rate: Fraction
    frames: int
    path: Path
    orientation: int = 1
    has_alpha: bool = False
    background: str = "#000000"
    first: int = 0
    count: int = 0
    """Frames to make, from `first` on; 0 for all."""

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        return VideoFormat(
            width=self.width,
            height=self.height,
            frame_rate=self.frame_rate,
            duration_s=float(self.frames / self.frame_rate),
            change_rate=Fraction(0) if self.path.is_still else None,
            color=BT709,
        )

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        shot = self._shot(inputs[0])
        if self.path.is_still:
            return [self._row(inputs[0], lambda fragment, still: resting(fragment, still, shot), 0.0)]
        by_corners = self._row(inputs[0], lambda fragment, still: perspective(fragment, still, shot), _PERSPECTIVE_NS)
        sheet = sheet_of(shot)
        if sheet is None:
            return [by_corners]
        by_integers = self._row(
            inputs[0], lambda fragment, still: rational(fragment, still, shot, sheet), _RATIONAL_NS
        )
        return [by_integers, by_corners]

    def cut(self, window: Window, *inputs: VideoFormat) -> tuple[KenBurns, tuple[Window | None, ...]]:
        last = self.frames - 1
        first = min(max(0, _first_from(window.start_s, self.frame_rate)), last)
        count = max(1, min(self.frames, _first_from(window.end_s, self.frame_rate)) - first)
        return replace(self, first=first, count=count), (Window(0.0, inputs[0].duration_s),)

    def _row(self, still: VideoFormat, build: Callable[[Fragment, Pad], Pad], ns_per_pixel: float) -> Implementation:
        # The first filter takes whatever the still is, by FFmpeg's own conversion where it must.
        accepts = tuple(dict.fromkeys((still.pix_fmt, *ANY_SYSTEM)))
        return Implementation(
            domain=Domain.SYSTEM,
            accepts=(accepts,),
            produces="yuv420p",
            build=build,
            cost_ns_per_s=ns_per_pixel * self.width * self.height * float(self.frame_rate),
        )

    def _shot(self, still: VideoFormat) -> Shot:
        return Shot(
            still=Still(still.width, still.height, self.orientation, self.has_alpha, self.background),
            path=self.path,
            width=self.width,
            height=self.height,
            frame_rate=self.frame_rate,
            frames=self.frames,
            first=self.first,
            count=self.count or self.frames - self.first,
        )


def _first_from(time_s: float, frame_rate: Fraction) -> int:
    """Number of the first frame at or after a time."""
    return math.ceil(time_s * float(frame_rate) - 1e-6)
