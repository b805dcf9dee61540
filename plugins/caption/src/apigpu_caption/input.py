"""What a caption request holds. Sizes follow the video, so that one style looks alike at every size and shape."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from apigpu import Input, SubtitleUrl, VideoUrl

Position = Literal[
    "top_left",
    "top_center",
    "top_right",
    "middle_left",
    "middle_center",
    "middle_right",
    "bottom_left",
    "bottom_center",
    "bottom_right",
]

DEFAULT_FONT = "Noto Sans"
"""The family that the plugin brings, so that a machine without fonts gives the same pictures."""

_COLOUR = r"^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$"


class Style(Input):
    """How captions look. Subtitles in ASS carry their own style, and this one is then ignored."""

    font: str = Field(
        DEFAULT_FONT,
        min_length=1,
        max_length=100,
        description="Font family; Noto Sans always exists, others must be installed where the video is made.",
        examples=["Noto Sans"],
    )
    size: float = Field(
        6.0,
        ge=1,
        le=40,
        description="Height of a line of text, in percent of the video's shorter side; never below 12 pixels.",
        examples=[7.5],
    )
    primary_colour: str = Field(
        "#FFFFFF", pattern=_COLOUR, description="Colour of the letters, #RRGGBB or #RRGGBBAA.", examples=["#FFE000"]
    )
    outline_colour: str = Field(
        "#000000", pattern=_COLOUR, description="Colour of the outline, #RRGGBB or #RRGGBBAA.", examples=["#101010"]
    )
    box_colour: str = Field(
        "#00000099",
        pattern=_COLOUR,
        description="Colour of the box and of the shadow, #RRGGBB or #RRGGBBAA.",
        examples=["#000000CC"],
    )
    outline: float = Field(
        5.0, ge=0, le=50, description="Width of the outline around letters, in percent of `size`.", examples=[8]
    )
    shadow: float = Field(
        0.0, ge=0, le=50, description="Distance of the shadow, in percent of `size`; 0 for none.", examples=[4]
    )
    bold: bool = Field(False, description="Bold letters.", examples=[True])
    italic: bool = Field(False, description="Slanted letters.", examples=[True])
    box: bool = Field(False, description="A box behind the text, in `box_colour`, without a shadow.", examples=[True])
    position: Position = Field(
        "bottom_center", description="Where captions stand that do not say it themselves.", examples=["top_center"]
    )
    margin_vertical: float = Field(
        5.0,
        ge=0,
        le=45,
        description="Space to the upper or lower edge, in percent of the video's height.",
        examples=[12],
    )
    margin_horizontal: float = Field(
        5.0,
        ge=0,
        le=45,
        description="Space to the left and right edge, in percent of the video's width.",
        examples=[8],
    )


class CaptionInput(Input):
    """Burn subtitles into a video."""

    url_video: VideoUrl = Field(
        description="The video on whose picture the subtitles are written.", examples=["https://example.com/talk.mp4"]
    )
    url_srt: SubtitleUrl = Field(
        description="The subtitles: SRT, WebVTT or ASS/SSA, told apart by their content.",
        examples=["https://example.com/talk.srt"],
    )
    encoding: str | None = Field(
        None,
        min_length=1,
        max_length=40,
        description="Character set of the subtitles, such as windows-1252; left out, it is detected.",
        examples=["windows-1252"],
    )
    style: Style = Field(
        default_factory=Style,
        description="How the captions look; subtitles in ASS bring their own style.",
        examples=[{"size": 8}],
    )
