"""apigpu operation `img2vid`: stills to a Ken Burns video."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from apigpu import Clip, Media, Operation, VideoStream, hookimpl, operation
from apigpu.filters import Concat
from apigpu_img2vid.filter import KenBurns
from apigpu_img2vid.input import Image, Img2VidInput, exact_rate, frame_counts
from apigpu_img2vid.motion import Framing, path

__all__ = ["Image", "Img2VidInput", "KenBurns", "apigpu_operations", "img2vid"]


@operation("img2vid")
def img2vid(request: Img2VidInput, media: Media) -> Clip:
    """Turn stills into a video over which the camera moves."""
    slides = request.slides
    rate = exact_rate(request.frame_rate)
    counts = frame_counts([slide.duration or request.duration for slide in slides], rate)
    if not any(counts):
        counts[0] = 1
    for number, (slide, frames) in enumerate(zip(slides, counts, strict=True)):
        if not frames:
            media.warn("image_too_short", f"images.{number} ({slide.id or 'no id'}) is too short to be seen.")
    shown = [
        _filmed(request, slide, media, frames=frames, rate=rate)
        for slide, frames in zip(slides, counts, strict=True)
        if frames
    ]
    return Clip(shown[0] if len(shown) == 1 else shown[0].apply(Concat(), *shown[1:]))


def _filmed(request: Img2VidInput, slide: Image, media: Media, *, frames: int, rate: Fraction) -> VideoStream:
    still = media.image(slide.image_url, frame_rate=rate)
    facts = media.file(slide.image_url).image
    assert facts is not None
    framing = Framing(
        *facts.upright_size,
        width=request.width,
        height=request.height,
        fit=request.fit,
        focus_x=request.focus_x if slide.focus_x is None else slide.focus_x,
        focus_y=request.focus_y if slide.focus_y is None else slide.focus_y,
    )
    camera = path(framing, slide.motion or request.motion, zoom=request.zoom, easing=request.easing)
    return still.apply(
        KenBurns(
            request.width,
            request.height,
            frame_rate=rate,
            frames=frames,
            path=camera,
            orientation=facts.orientation,
            has_alpha=facts.has_alpha,
            background=request.background,
        )
    )


@hookimpl
def apigpu_operations() -> Sequence[Operation]:
    return [img2vid]
