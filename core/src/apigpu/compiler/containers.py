"""The containers that can be written, and which codecs each takes as they are.

Every pair was tried: FFmpeg 5.1 and 9.0 both write it, and read the same codec back. Left out are pairs that
FFmpeg writes but that no common player shows, such as MJPEG in MP4. WebM waits for an encoder of VP9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Container:
    """A kind of output file. Codecs go by ffprobe's names, `muxer` and `options` by ffmpeg's."""

    muxer: str
    extensions: tuple[str, ...] = ()
    copies_video: frozenset[str] = frozenset()
    copies_audio: frozenset[str] = frozenset()
    audio_encoder: str = "aac"
    options: Mapping[str, str] = field(default_factory=dict)
    video_tags: Mapping[str, str] = field(default_factory=dict)
    """The four-letter tag that a copied codec needs, where FFmpeg's own choice plays in fewer places."""


_MP4_VIDEO = frozenset({"h264", "hevc", "mpeg4", "mpeg2video"})
_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_QUICKTIME_VIDEO = frozenset({"prores", "dnxhd", "mjpeg", "png", "h263"})
_QUICKTIME_AUDIO = frozenset({"mp2", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_f32le", "pcm_u8", "pcm_mulaw"})
_WEBM_VIDEO = frozenset({"vp8", "vp9", "av1"})
_WEBM_AUDIO = frozenset({"opus", "vorbis"})

# QuickTime and Safari show HEVC only with this tag; FFmpeg writes hev1.
_APPLE_TAGS = {"hevc": "hvc1"}
# Players begin before the whole file is there.
_FASTSTART = {"movflags": "+faststart"}

CONTAINERS: Mapping[str, Container] = {
    "mp4": Container(
        "mp4",
        ("mp4", "m4v"),
        _MP4_VIDEO | {"av1", "vp9"},
        _MP4_AUDIO | {"opus"},
        options=_FASTSTART,
        video_tags=_APPLE_TAGS,
    ),
    "mov": Container(
        "mov",
        ("mov",),
        _MP4_VIDEO | _QUICKTIME_VIDEO,
        _MP4_AUDIO | _QUICKTIME_AUDIO,
        options=_FASTSTART,
        video_tags=_APPLE_TAGS,
    ),
    "mkv": Container(
        "matroska",
        ("mkv",),
        _MP4_VIDEO | _WEBM_VIDEO | _QUICKTIME_VIDEO | {"mpeg1video", "theora", "ffv1", "flv1", "msmpeg4v3", "wmv2"},
        _MP4_AUDIO | _WEBM_AUDIO | _QUICKTIME_AUDIO | {"flac", "dts", "truehd", "wmav2"},
    ),
}

FORMATS_WITHOUT_PTS = frozenset({"avi", "mpeg", "h264", "hevc", "m4v", "mpegvideo"})
"""ffprobe's names of formats whose packets do not all carry presentation times.

A copy of their picture into another container puts B-frames at wrong times ("pts has no value"), and so does one
made with `-fflags +genpts`.
"""
