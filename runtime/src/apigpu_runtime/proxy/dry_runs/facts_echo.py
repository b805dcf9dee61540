"""Fetched facts in the words in which a request may tell them."""

from __future__ import annotations

from typing import Any

from apigpu.media.facts import AudioFacts, MediaFile
from apigpu.media.fields import MediaKind


def facts_of(file: MediaFile | bytes, kind: MediaKind) -> dict[str, Any] | None:
    """What `facts` takes for the file; None where it cannot be told, as for subtitles that are no UTF-8."""
    if isinstance(file, bytes):
        try:
            return {"text": file.decode()}
        except UnicodeDecodeError:
            return None
    if file.image is not None:
        return _image(file)
    if kind is MediaKind.AUDIO:
        return _audio(file)
    return _video(file)


def _video(file: MediaFile) -> dict[str, Any]:
    picture = max(file.videos, key=lambda stream: (stream.width * stream.height, -stream.index))
    found: dict[str, Any] = {
        "width": picture.width,
        "height": picture.height,
        "duration_s": picture.duration_s,
        "frame_rate": str(picture.frame_rate),
        "codec": picture.codec,
        "pix_fmt": picture.pix_fmt,
        "format": file.format,
    }
    extras = {
        "rotation_deg": picture.rotation_deg,
        "is_vfr": picture.is_vfr,
        "color": {name: word for name, word in vars(picture.color).items() if word},
        "audio": _sound(file.audios[0]) if file.audios else None,
    }
    return found | {name: value for name, value in extras.items() if value}


def _audio(file: MediaFile) -> dict[str, Any]:
    return {**_sound(file.audios[0]), "duration_s": file.audios[0].duration_s, "format": file.format}


def _sound(sound: AudioFacts) -> dict[str, Any]:
    return {
        "codec": sound.codec,
        "sample_rate_hz": sound.sample_rate_hz,
        "channels": sound.channels,
        "duration_s": sound.duration_s,
    }


def _image(file: MediaFile) -> dict[str, Any]:
    still = file.image
    assert still is not None
    return {
        "width": still.width,
        "height": still.height,
        "orientation": still.orientation,
        "has_alpha": still.has_alpha,
        "codec": still.codec,
        "pix_fmt": still.pix_fmt,
    }
