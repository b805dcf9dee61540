"""apigpu operation `img2vid`: stills to a Ken Burns video."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from apigpu import Clip, InputError, Media, Operation, VideoStream, hookimpl, operation
from apigpu.filters import Concat
from apigpu_img2vid.filter import KenBurns
from apigpu_img2vid.input import Image, Img2VidInput, exact_rate, frame_counts
from apigpu_img2vid.motion import Framing, path

__all__ = ["Image", "Img2VidInput", "KenBurns", "apigpu_operations", "img2vid"]

_THINNEST_PX = 2


@operation("img2vid")
def img2vid(request: Img2VidInput, media: Media) -> Clip:
    """Turn stills into a video over which the camera moves."""
    rate = exact_rate(request.frame_rate)
    counts = frame_counts([slide.duration or request.duration for slide in request.slides], rate)
    if not any(counts):
        counts[0] = 1
    shown: list[VideoStream] = []
    for number, frames in enumerate(counts):
        if frames:
            shown.append(_filmed(request, number, media, frames=frames, rate=rate))
        else:
            media.warn("image_too_short", f"image {number + 1} ends before its first frame, and is left out.")
    return Clip(shown[0] if len(shown) == 1 else shown[0].apply(Concat(), *shown[1:]))


def _filmed(request: Img2VidInput, number: int, media: Media, *, frames: int, rate: Fraction) -> VideoStream:
    slide = request.slides[number]
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
    _check_shape(framing, "url_image" if request.url_image else f"images.{number}.image_url")
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


def _check_shape(framing: Framing, where: str) -> None:
    """A line of pixels shown whole would be thinner than what video can show."""
    stage = framing.stage
    shown = min(
        framing.width * framing.still_width / stage.width, framing.height * framing.still_height / stage.height
    )
    if shown < _THINNEST_PX:
        raise InputError(
            f"an image of {framing.still_width}x{framing.still_height} would be a line of {shown:.1f} pixels.",
            code="image_too_narrow",
            where=where,
            remedy="Choose fit=cover for it, or leave it out.",
        )


@hookimpl
def apigpu_operations() -> Sequence[Operation]:
    return [img2vid]
