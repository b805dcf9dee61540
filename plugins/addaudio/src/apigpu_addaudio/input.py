"""What addaudio is asked for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from apigpu import AudioUrl, Input, VideoUrl

Mode = Literal["replace", "mix"]
Length = Literal["video", "audio", "shortest"]
WhenShort = Literal["pad", "loop"]

Gain = Annotated[float, Field(ge=-60, le=20)]
Fade = Annotated[float, Field(ge=0, le=60)]


class AddAudioInput(Input):
    """A video, a sound, and how the two come together."""

    url_video: VideoUrl = Field(
        description="The video. Its picture is copied bit by bit where that is possible.",
        examples=["https://example.com/video.mp4"],
    )
    url_audio: AudioUrl = Field(
        description="The sound: MP3, AAC, Opus, Vorbis, WAV or FLAC, or a video whose sound is taken.",
        examples=["https://example.com/narration.mp3"],
    )
    mode: Mode = Field(
        "replace",
        description="`replace` takes the video's own sound away, `mix` keeps it beneath the new one.",
        examples=["mix"],
    )
    length: Length = Field(
        "video",
        description="How long the result is: as the video, as the sound, or as the shorter of the two. A picture "
        "that is too long ends within a few frames of the sound; one that is too short holds its last frame.",
        examples=["audio"],
    )
    when_short: WhenShort = Field(
        "pad",
        description="What follows a sound that ends before the result does: `pad` silence, or `loop` the sound.",
        examples=["loop"],
    )
    delay_s: float = Field(
        0.0, ge=0, le=36000, description="Seconds of the video before the new sound begins.", examples=[1.5]
    )
    volume_db: Gain = Field(
        0.0, description="Gain of the new sound in decibels; 0 leaves it as it is.", examples=[-6]
    )
    original_volume_db: Gain = Field(
        0.0, description="Gain of the video's own sound in decibels; counts in `mix` only.", examples=[-12]
    )
    fade_in_s: Fade = Field(
        0.0, description="Seconds in which the new sound rises from silence at its beginning.", examples=[0.5]
    )
    fade_out_s: Fade = Field(
        0.0, description="Seconds in which the new sound falls to silence before it ends.", examples=[2]
    )
