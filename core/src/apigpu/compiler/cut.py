"""A graph cut down to one moment or a short stretch: the same steps, over just the frames that it needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from apigpu.errors import InputError
from apigpu.filters.audio import Align
from apigpu.filters.geometry import Scale
from apigpu.filters.rows import everywhere
from apigpu.filters.timing import FrameRate
from apigpu.formats import AudioFormat, VideoFormat
from apigpu.graph import (
    AudioFilter,
    Fragment,
    Implementation,
    Node,
    Pad,
    VideoFilter,
    VideoSource,
    Window,
    rebuilt,
)
from apigpu.streams import AudioStream, Clip, VideoStream


def cut_to_frame(clip: Clip, at_s: float) -> Clip:
    """The clip whose first frame is the one shown at `at_s` seconds; without sound.

    Videos are entered near the moment, stills make only the frames asked for. Raises InputError where the clip
    has no picture or is shorter.
    """
    video = _shown(clip, at_s)
    frame_s = 1 / float(video.format.frame_rate)
    # A frame is shown until the next: the one on screen at `at_s` began at most one frame before.
    start_s = max(0.0, at_s - frame_s + min(0.001, frame_s / 4))
    return Clip(VideoStream(cut(video.node, Window(start_s, start_s + frame_s))))


def cut_to_stretch(clip: Clip, start_s: float, length_s: float, *, max_height: int) -> Clip:
    """The stretch of the clip that begins at `start_s`, with its sound, scaled down to `max_height` lines.

    It ends with the clip where that is sooner. Sound is decoded from its beginning, pictures from near `start_s`.
    Raises InputError where the clip has no picture or is shorter.
    """
    video = _shown(clip, start_s)
    if video.format.is_vfr:  # the frame that is shown at a moment may have begun long before
        video = video.apply(FrameRate(video.format.frame_rate))
    picture = video.format
    # From the frame that is shown then.
    rate = float(picture.frame_rate)
    start_s = math.floor(max(0.0, min(start_s, picture.duration_s - 1 / rate)) * rate + 1e-6) / rate
    end_s = min(start_s + length_s, picture.duration_s)
    node = cut(video.node, Window(start_s, end_s))
    # Its inputs' lengths are those of the cut pieces, while their time stamps are those of the whole.
    kept = Node(_Shots(start_s, end_s), (node,), replace(picture, duration_s=end_s - start_s), video.node.owner)
    return Clip(_lowered(VideoStream(kept), max_height), _heard(clip.audio, start_s, end_s))


def _shown(clip: Clip, at_s: float) -> VideoStream:
    """The clip's picture. Raises InputError where there is none at that moment."""
    if clip.video is None:
        raise InputError("there is no picture to preview.", code="no_video")
    length_s = clip.video.format.duration_s
    if not 0 <= at_s < max(length_s, 1e-9):
        raise InputError(
            f"there is no frame at {at_s:g} s: the result lasts {length_s:.3f} s.",
            code="out_of_range",
            where="at",
            remedy=f"Choose a time from 0 to {max(0.0, length_s - 0.001):.3f}.",
        )
    return clip.video


def _lowered(video: VideoStream, max_height: int) -> VideoStream:
    width, height = video.format.width, video.format.height
    if height <= max_height:
        return video
    return video.apply(Scale(max(2, round(width * max_height / height / 2) * 2), max_height))


@dataclass(frozen=True)
class _Shots(VideoFilter):
    """The frames from `start_s` on and before `end_s`, evenly spaced ones, beginning at 0 again."""

    start_s: float
    end_s: float

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        # Time stamps that were shifted on the way may be a tick early.
        margin_s = 0.25 / float(inputs[0].frame_rate)

        def build(fragment: Fragment, video: Pad) -> Pad:
            start_s = max(0.0, self.start_s - margin_s)
            kept = fragment.filter("trim", video, start=start_s, end=self.end_s - margin_s)
            return fragment.filter("setpts", kept, expr="PTS-STARTPTS")

        return everywhere(build)


@dataclass(frozen=True)
class _Stretch(AudioFilter):
    """The sound from `start_s` to `end_s`, beginning at 0 again."""

    start_s: float
    end_s: float

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return replace(inputs[0], duration_s=min(self.end_s, inputs[0].duration_s) - self.start_s)

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        kept = fragment.filter("atrim", *inputs, start=self.start_s, end=self.end_s)
        return fragment.filter("asetpts", kept, expr=f"PTS-({self.start_s:.6f})/TB") if self.start_s else kept


def _heard(audio: AudioStream | None, start_s: float, end_s: float) -> AudioStream | None:
    if audio is None or audio.format.duration_s <= start_s:
        return None
    return audio.apply(Align()).apply(_Stretch(start_s, end_s))


def cut(node: Node, window: Window) -> Node:
    """The node reduced to the frames of `window`, whose time stamps stay as they were."""
    if isinstance(node.operator, VideoSource):
        if not _worth_seeking(node, window):
            return node
        return replace(node, operator=replace(node.operator, start_s=window.start_s))
    if not isinstance(node.operator, VideoFilter):
        return node
    operator, windows = node.operator.cut(window, *node.video_inputs())
    kept = [cut(child, wanted) for child, wanted in zip(node.inputs, windows, strict=True) if wanted is not None]
    return rebuilt(node, operator, tuple(kept))


def _worth_seeking(node: Node, window: Window) -> bool:
    """Skipping a few frames saves nothing, and a seek in a file whose first frame is wanted may miss it."""
    assert isinstance(node.format, VideoFormat)
    return window.start_s > 1 / float(node.format.frame_rate)
