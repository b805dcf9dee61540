"""A graph cut down to one moment: the same steps, over just the frames that the moment needs."""

from __future__ import annotations

from dataclasses import replace

from apigpu.errors import InputError
from apigpu.formats import VideoFormat
from apigpu.graph import Node, VideoFilter, VideoSource, Window, rebuilt
from apigpu.streams import Clip, VideoStream


def cut_to_frame(clip: Clip, at_s: float) -> Clip:
    """The clip whose first frame is the one shown at `at_s` seconds; without sound.

    Videos are entered near the moment, stills make only the frames asked for. Raises InputError where the clip
    has no picture or is shorter.
    """
    if clip.video is None:
        raise InputError("there is no picture to preview.", code="no_video")
    picture = clip.video.format
    if not 0 <= at_s < max(picture.duration_s, 1e-9):
        raise InputError(
            f"there is no frame at {at_s:g} s: the result lasts {picture.duration_s:.3f} s.",
            code="out_of_range",
            where="at",
            remedy=f"Choose a time from 0 to {max(0.0, picture.duration_s - 0.001):.3f}.",
        )
    frame_s = 1 / float(picture.frame_rate)
    # A frame is shown until the next: the one on screen at `at_s` began at most one frame before.
    start_s = max(0.0, at_s - frame_s + min(0.001, frame_s / 4))
    return Clip(VideoStream(cut(clip.video.node, Window(start_s, start_s + frame_s))))


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
