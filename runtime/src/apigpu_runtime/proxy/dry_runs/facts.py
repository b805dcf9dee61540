"""Facts of media that a caller tells, so that a dry run need not fetch it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from apigpu.errors import InputError
from apigpu.media.facts import AudioFacts, Color, ImageFacts, MediaFile, VideoFacts
from apigpu.media.fields import MediaKind, MediaRef
from apigpu.media.limits import Limits
from apigpu_runtime.validation import validate_model

_LIMITS = Limits()
_RATE = r"^([0-9]{1,3}(\.[0-9]{1,6})?|[0-9]{1,6}/[1-9][0-9]{0,5})$"
_WORD = r"^[a-z0-9_-]{0,40}$"

Word = Annotated[str, Field(pattern=_WORD)]
Side = Annotated[int, Field(ge=2, le=_LIMITS.max_video_side)]
Length = Annotated[float, Field(gt=0, le=_LIMITS.max_duration_s)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class ColorTold(_Part):
    """FFmpeg's colour words; left out where the file does not say."""

    range: Word = Field("", examples=["tv"])
    space: Word = Field("", examples=["bt709"])
    primaries: Word = Field("", examples=["bt709"])
    transfer: Word = Field("", examples=["bt709"])


class SoundTold(_Part):
    """One sound stream."""

    codec: Word = Field("aac", description="ffprobe's name.", examples=["aac"])
    sample_rate_hz: int = Field(48000, ge=8000, le=384000, examples=[44100])
    channels: int = Field(2, ge=1, le=8, examples=[2])
    duration_s: Length | None = Field(None, description="Left out: as long as the file.", examples=[59.9])


class VideoTold(_Part):
    """What a video file is."""

    width: Side = Field(description="Coded picture, pixels.", examples=[1920])
    height: Side = Field(description="Coded picture, pixels.", examples=[1080])
    duration_s: Length = Field(description="Seconds.", examples=[60.0])
    frame_rate: str = Field(
        "25", pattern=_RATE, description="Frames a second, a number or a fraction.", examples=["30000/1001"]
    )
    codec: Word = Field("h264", description="ffprobe's name.", examples=["h264"])
    pix_fmt: Word = Field("yuv420p", description="FFmpeg's name of the pixel format.", examples=["yuv420p"])
    rotation_deg: int = Field(
        0, ge=0, le=270, multiple_of=90, description="Clockwise turn that a player applies.", examples=[90]
    )
    is_vfr: bool = Field(False, description="Frames are not evenly spaced.", examples=[True])
    color: ColorTold = Field(default_factory=ColorTold, examples=[{"transfer": "bt709"}])
    audio: SoundTold | None = Field(
        None, description="Its sound; left out: it is silent.", examples=[{"codec": "aac"}]
    )
    format: str = Field(
        "mov,mp4,m4a,3gp,3g2,mj2",
        pattern=r"^[a-z0-9_,.]{1,60}$",
        description="ffprobe's name of the container.",
        examples=["matroska,webm"],
    )


class AudioTold(_Part):
    """What a sound file is."""

    duration_s: Length = Field(description="Seconds.", examples=[60.0])
    codec: Word = Field("mp3", description="ffprobe's name.", examples=["mp3"])
    sample_rate_hz: int = Field(44100, ge=8000, le=384000, examples=[44100])
    channels: int = Field(2, ge=1, le=8, examples=[2])
    format: str = Field(
        "mp3", pattern=r"^[a-z0-9_,.]{1,60}$", description="ffprobe's name of the container.", examples=["mp3"]
    )


class ImageTold(_Part):
    """What a still is."""

    width: Side = Field(description="Pixels, as they are stored.", examples=[4000])
    height: Side = Field(description="Pixels, as they are stored.", examples=[3000])
    orientation: int = Field(1, ge=1, le=8, description="EXIF's number.", examples=[6])
    has_alpha: bool = Field(False, examples=[True])
    codec: Word = Field("mjpeg", description="FFmpeg's name.", examples=["png"])
    pix_fmt: Word = Field("yuvj420p", description="FFmpeg's name of the pixel format.", examples=["rgb24"])


class SubtitleTold(_Part):
    """The subtitles themselves."""

    text: str = Field(
        min_length=1,
        max_length=1 << 20,
        description="SRT, WebVTT or ASS.",
        examples=["1\n00:00:01,000 --> 00:00:03,000\nHello\n"],
    )


_STILL_DEMUXERS = {"mjpeg": "jpeg_pipe"}

Told = VideoTold | AudioTold | ImageTold | SubtitleTold
MODELS: Mapping[MediaKind, type[_Part]] = {
    MediaKind.VIDEO: VideoTold,
    MediaKind.AUDIO: AudioTold,
    MediaKind.IMAGE: ImageTold,
    MediaKind.SUBTITLE: SubtitleTold,
}


def told_files(facts: Any, refs: tuple[MediaRef, ...]) -> dict[MediaRef, MediaFile | bytes]:
    """The facts for the addresses that they were told for, by the place of each (`images.0.image_url`).

    Raises InputError.
    """
    if not isinstance(facts, Mapping):
        raise InputError("must be an object with the facts of each media field.", where="facts")
    places = {ref.where: ref for ref in refs}
    for name in facts:
        if name not in places:
            known = ", ".join(list(places)[:10]) or "none"
            raise InputError("there is no such media field.", where=f"facts.{name}", remedy=f"There are: {known}.")
    return {ref: _file(facts[ref.where], ref) for ref in refs if ref.where in facts}


def _file(facts: object, ref: MediaRef) -> MediaFile | bytes:
    where = f"facts.{ref.where}"
    told = validate_model(MODELS[ref.kind], facts, where=where, title="the facts")
    try:
        match told:
            case VideoTold():
                return _video(told, ref.url)
            case AudioTold():
                return _audio(told, ref.url)
            case ImageTold():
                return _image(told, ref.url)
            case SubtitleTold():
                return told.text.encode()
    except InputError as error:
        error.where = f"{where}.{error.where}" if error.where else where
        raise
    raise AssertionError(told)


def _video(told: VideoTold, url: str) -> MediaFile:
    rate = Fraction(told.frame_rate)
    if not Fraction(1, 10) <= rate <= 1000:
        raise InputError(f"must lie from 0.1 to 1000, not at {told.frame_rate}.", where="frame_rate")
    _LIMITS.check_frame(told.width, told.height)
    picture = VideoFacts(
        index=0,
        codec=told.codec,
        width=told.width,
        height=told.height,
        pix_fmt=told.pix_fmt,
        bit_depth=_bit_depth(told.pix_fmt),
        frame_rate=rate,
        is_vfr=told.is_vfr,
        rotation_deg=told.rotation_deg,
        duration_s=told.duration_s,
        color=Color(**told.color.model_dump()),
    )
    sound = told.audio
    audios = () if sound is None else (_sound(sound, sound.duration_s or told.duration_s, index=1),)
    return MediaFile(
        path=url, format=told.format, size_bytes=0, duration_s=told.duration_s, videos=(picture,), audios=audios
    )


def _audio(told: AudioTold, url: str) -> MediaFile:
    return MediaFile(
        path=url,
        format=told.format,
        size_bytes=0,
        duration_s=told.duration_s,
        audios=(_sound(told, told.duration_s, index=0),),
    )


def _sound(told: SoundTold | AudioTold, duration_s: float, *, index: int) -> AudioFacts:
    return AudioFacts(
        index=index,
        codec=told.codec,
        sample_rate_hz=told.sample_rate_hz,
        channels=told.channels,
        duration_s=duration_s,
    )


def _image(told: ImageTold, url: str) -> MediaFile:
    _LIMITS.check_still(told.width, told.height)
    still = ImageFacts(
        width=told.width,
        height=told.height,
        pix_fmt=told.pix_fmt,
        codec=told.codec,
        orientation=told.orientation,
        has_alpha=told.has_alpha,
    )
    demuxer = _STILL_DEMUXERS.get(told.codec, f"{told.codec}_pipe")
    return MediaFile(path=url, format=demuxer, size_bytes=0, image=still)


def _bit_depth(pix_fmt: str) -> int:
    found = re.search(r"(9|10|12|14|16)(le|be)$", pix_fmt)
    return int(found[1]) if found else 8
