"""What img2vid is asked for, and how it reads rates and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from apigpu import ImageUrl, Input
from apigpu_img2vid.motion import Easing, Fit, Motion

_OTHER_SPELLINGS = {"zoomin": Motion.ZOOM_IN, "zoomout": Motion.ZOOM_OUT, "zoompanright": Motion.PAN_RIGHT}
_NTSC = (24, 30, 48, 60)


def _motion(value: object) -> object:
    """A motion from its name: strict models take no string for an enumeration by themselves."""
    if not isinstance(value, str):
        return value
    return _OTHER_SPELLINGS.get(value) or (Motion(value) if value in set(Motion) else value)


Moving = Annotated[Motion, BeforeValidator(_motion)]
Duration = Annotated[float, Field(ge=0.1, le=300)]
Side = Annotated[int, Field(ge=16, le=4096, multiple_of=2)]
Share = Annotated[float, Field(ge=0, le=1)]


class Image(Input):
    """One picture of a sequence; what it leaves out it takes from the request."""

    image_url: ImageUrl = Field(
        description="The still: JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP.",
        examples=["https://example.com/1.jpg"],
    )
    id: str = Field("", max_length=200, description="Your own name for the picture; not used.", examples=["intro"])
    duration: Duration | None = Field(
        None,
        validation_alias=AliasChoices("duration", "duracao"),
        description="How long it is shown, in seconds.",
        examples=[4.5],
    )
    motion: Moving | None = Field(None, description="What the camera does on this picture.", examples=["pan_left"])
    focus_x: Share | None = Field(None, description="Where the camera looks, 0 left to 1 right.", examples=[0.3])
    focus_y: Share | None = Field(None, description="Where the camera looks, 0 top to 1 bottom.", examples=[0.4])


class Img2VidInput(Input):
    """One still or a sequence of stills, and how the camera moves over them."""

    url_image: ImageUrl | None = Field(
        None,
        description="The still: JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP. Either this or `images`.",
        examples=["https://example.com/photo.jpg"],
    )
    images: list[Image] = Field(
        [],
        max_length=500,
        description="Several stills, shown one after the other. Either this or `url_image`.",
        examples=[[{"image_url": "https://example.com/1.jpg", "duration": 4, "motion": "zoom_in"}]],
    )
    frame_rate: float = Field(
        24,
        ge=1,
        le=60,
        description="Frames a second. 23.976, 29.97 and 59.94 mean the exact rates of broadcasting.",
        examples=[30],
    )
    duration: Duration = Field(
        5.0, description="Seconds that a still is shown, unless it says so itself.", examples=[6]
    )
    width: Side = Field(1920, description="Width of the video in pixels, even.", examples=[1080])
    height: Side = Field(1080, description="Height of the video in pixels, even.", examples=[1920])
    fit: Fit = Field(
        "cover",
        description="A still of another shape: `cover` fills the frame and cuts what sticks out, `contain` shows "
        "all of it on `background`, `stretch` distorts it.",
        examples=["contain"],
    )
    motion: Moving = Field(
        Motion.ZOOM_IN,
        description="What the camera does: zoom, travel over the whole picture, or rest. `zoomin`, `zoomout` and "
        "`zoompanright` (as `pan_right`) are understood too.",
        examples=["zoom_out"],
    )
    zoom: float = Field(
        1.2, gt=1, le=2, description="Magnification where the camera is closest; pans keep it.", examples=[1.1]
    )
    easing: Easing = Field(
        "linear", description="`linear` moves evenly, `smooth` starts and ends gently.", examples=["smooth"]
    )
    focus_x: Share = Field(0.5, description="Where zooms and crops are centred, 0 left to 1 right.", examples=[0.3])
    focus_y: Share = Field(0.5, description="Where zooms and crops are centred, 0 top to 1 bottom.", examples=[0.4])
    background: str = Field(
        "#000000",
        pattern="^#[0-9a-fA-F]{6}$",
        description="Colour of bars and of what lies behind transparent pixels.",
        examples=["#ffffff"],
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.url_image is None) == (not self.images):
            told = "neither" if self.url_image is None else "both"
            raise ValueError(f"needs either url_image or images, and got {told}: send one still or a list of stills")
        return self

    @property
    def slides(self) -> Sequence[Image]:
        """The stills in their order, however they were given."""
        return self.images if self.url_image is None else [Image(image_url=self.url_image)]


def exact_rate(frame_rate: float) -> Fraction:
    """The rate that a decimal number means: 29.97 is 30000/1001, and 12.5 is 25/2."""
    for whole in _NTSC:
        if abs(frame_rate - whole / 1.001) < 0.005:
            return Fraction(whole * 1000, 1001)
    return Fraction(str(frame_rate)).limit_denominator(1001)


def frame_counts(durations_s: Sequence[float], frame_rate: Fraction) -> list[int]:
    """Frames of each still, so that all together are the rounded frames of the whole.

    Every cut falls on the frame nearest to its time; no error adds up. A still that ends before its first frame
    gets 0.
    """
    end = Fraction(0)
    ends = [0]
    for duration_s in durations_s:
        end += Fraction(str(duration_s))
        ends.append(round(end * frame_rate))
    return [after - before for before, after in pairwise(ends)]
