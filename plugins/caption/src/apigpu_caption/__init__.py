"""The operation `caption`: burn subtitles into a video."""

from __future__ import annotations

from collections.abc import Sequence

from apigpu import Clip, InputError, Media, Operation, hookimpl, operation
from apigpu_caption.captions import burn_in
from apigpu_caption.input import CaptionInput, Style

__all__ = ["CaptionInput", "Style", "apigpu_operations", "caption"]


@operation("caption")
def caption(request: CaptionInput, media: Media) -> Clip:
    """Burn subtitles into a video.

    SRT and WebVTT are drawn in `style`, sized by the picture as it is shown. Their tags for italics, bold, underline,
    strike-through, colour and place are honoured; everything else is text, and can never act as code. ASS and SSA
    are drawn as they are. Every cue is shown or told of in a warning with the reason.
    """
    clip = media.video(request.url_video)
    if clip.video is None:
        raise InputError("there is no picture to write on.", code="no_video", remedy="Caption a step that has one.")
    burning = burn_in(request, media, clip.video.format)
    return clip if burning is None else clip.replace(video=clip.video.apply(burning))


@hookimpl
def apigpu_operations() -> Sequence[Operation]:
    return [caption]
