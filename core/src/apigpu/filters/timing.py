"""Filters that change when frames are shown: rate, cutting, holding and joining. Times in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from apigpu.errors import InputError, PluginError
from apigpu.filters.rows import everywhere, simple, size, transparent
from apigpu.formats import Domain, VideoFormat
from apigpu.graph import Fragment, Implementation, Pad, VideoFilter, Window

_ROUNDING_S = 0.0005


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
        return [simple("tpad", 0.2 * inputs[0].pixels_per_s, stop_mode="clone", stop_duration=more_s)]

    def cut(self, window: Window, *inputs: VideoFormat) -> tuple[Hold, tuple[Window | None, ...]]:
        frame_s = 2 / float(inputs[0].frame_rate)
        start_s = min(window.start_s, max(0.0, inputs[0].duration_s - frame_s))
        return self, (Window(start_s, max(window.end_s, start_s + frame_s)),)


@dataclass(frozen=True)
class Concat(VideoFilter):
    """Its inputs, one after the other. They must agree in size and have square pixels.

    `skipped_s` is what a preview left out before the first of them, `entered_s` what it left out of the first.
    """

    skipped_s: float = 0.0
    entered_s: float = 0.0

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        first = inputs[0]
        for number, item in enumerate(inputs):
            if (item.width, item.height) != (first.width, first.height):
                raise PluginError(f"input {number} of concat is {size(item)}, but the first is {size(first)}.")
        total_s = self.skipped_s + sum(item.duration_s for item in inputs)
        vfr = any(item.is_vfr or item.frame_rate != first.frame_rate for item in inputs)
        return replace(first, duration_s=total_s, is_vfr=vfr, change_rate=None)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        def build(fragment: Fragment, *pads: Pad) -> Pad:
            if self.entered_s:
                # FFmpeg's concat takes a video that does not begin at 0 for a longer one.
                kept = fragment.filter("trim", pads[0], start=max(0.0, self.entered_s - _ROUNDING_S))
                pads = (fragment.filter("setpts", kept, expr="PTS-STARTPTS"), *pads[1:])
            joined = fragment.filter("concat", *pads, n=len(pads), v=1, a=0) if len(pads) > 1 else pads[0]
            begins_s = self.skipped_s + self.entered_s
            return fragment.filter("setpts", joined, expr=f"PTS+({begins_s:.6f})/TB") if begins_s else joined

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
        kept = [(number, item) for number, item in enumerate(windows) if item is not None]
        first, entered = kept[0]
        entered_s = entered.start_s if len(kept) > 1 else 0.0
        return replace(self, skipped_s=starts[first], entered_s=entered_s), tuple(windows)


def _holds_a_frame(window: Window, start_s: float, item: VideoFormat) -> bool:
    """True where a frame of a stream that begins at `start_s` falls into the window."""
    last_s = start_s + item.duration_s - (0 if item.is_vfr else 1 / float(item.frame_rate))
    return start_s < window.end_s and window.start_s <= last_s + 1e-6
