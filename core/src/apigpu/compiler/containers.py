"""The containers that can be written, and which codecs each takes as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Container:
    muxer: str
    copies_video: frozenset[str] = frozenset()
    copies_audio: frozenset[str] = frozenset()
    audio_encoder: str = "aac"
    options: Mapping[str, str] = field(default_factory=dict)


CONTAINERS: Mapping[str, Container] = {
    "mp4": Container(
        "mp4",
        frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"}),
        frozenset({"aac", "mp3", "ac3", "opus"}),
        options={"movflags": "+faststart"},
    ),
    "png": Container("image2", options={"update": "1"}),
}

FORMATS_WITHOUT_PTS = frozenset({"avi"})
"""Formats whose packets carry no presentation times, so that copies into mp4 fail."""
