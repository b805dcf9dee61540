"""ffprobe's words for a stream, turned into facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from apigpu.formats import has_alpha
from apigpu.media.facts import AudioFacts, Color, VideoFacts
from apigpu.media.ffprobe import seconds
from apigpu.media.rotation import Turn, parse_matrix, turn_of_matrix, turn_of_tag
from apigpu.media.timing import MAX_SANE_RATE

_DEPTH = re.compile(r"(?<!nv)(9|10|12|14|16|30|36|48|64)(?:le|be)?$")
_DEPTH_OF_PIXEL = {"30": 10, "36": 12, "48": 16, "64": 16}
_FIELD_ORDERS = {"progressive", "tt", "bb", "tb", "bt"}


def tags(raw: Mapping[str, Any]) -> dict[str, str]:
    """A stream's tags with lower-case names: writers disagree."""
    return {str(name).lower(): str(value) for name, value in (raw.get("tags") or {}).items()}


def is_picture(raw: Mapping[str, Any]) -> bool:
    """True for cover art and thumbnails, which come as video streams."""
    disposition = raw.get("disposition") or {}
    return bool(disposition.get("attached_pic") or disposition.get("timed_thumbnails"))


def video_facts(raw: Mapping[str, Any]) -> VideoFacts:
    """All that a video stream says of itself; rate and times as it says them, to be repaired by the caller."""
    pix_fmt = str(raw.get("pix_fmt") or "")
    turn = _turn(raw)
    field_order = str(raw.get("field_order") or "")
    return VideoFacts(
        index=int(raw["index"]),
        codec=str(raw.get("codec_name") or ""),
        width=int(raw.get("width") or 0),
        height=int(raw.get("height") or 0),
        pix_fmt=pix_fmt,
        profile=str(raw.get("profile") or ""),
        bit_depth=bit_depth(pix_fmt),
        sar=ratio(raw.get("sample_aspect_ratio")) or Fraction(1),
        rotation_deg=turn.rotation_deg,
        mirrored=turn.mirrored,
        frame_rate=next(iter(said_rates(raw)), Fraction(25)),
        field_order=field_order if field_order in _FIELD_ORDERS else "unknown",
        start_s=seconds(raw.get("start_time")) or 0.0,
        duration_s=seconds(raw.get("duration")) or 0.0,
        frames=said_frames(raw),
        color=_color(raw),
        has_alpha=has_alpha(pix_fmt) or tags(raw).get("alpha_mode") == "1",
        is_attached_picture=is_picture(raw),
    )


def audio_facts(raw: Mapping[str, Any]) -> AudioFacts:
    """All that a sound stream says of itself."""
    language = tags(raw).get("language", "")
    return AudioFacts(
        index=int(raw["index"]),
        codec=str(raw.get("codec_name") or ""),
        sample_rate_hz=int(raw.get("sample_rate") or 0),
        channels=int(raw.get("channels") or 0),
        layout=str(raw.get("channel_layout") or ""),
        start_s=seconds(raw.get("start_time")) or 0.0,
        duration_s=seconds(raw.get("duration")) or 0.0,
        language="" if language == "und" else language,
    )


def said_rates(raw: Mapping[str, Any]) -> tuple[Fraction, ...]:
    """The average rate and the guessed one, as far as they can be frame rates."""
    rates = (ratio(raw.get("avg_frame_rate")), ratio(raw.get("r_frame_rate")))
    return tuple(rate for rate in rates if rate is not None and rate <= MAX_SANE_RATE)


def said_frames(raw: Mapping[str, Any]) -> int | None:
    """The number of frames in the container's index, or in the statistics that mkvmerge writes."""
    number = raw.get("nb_frames") or tags(raw).get("number_of_frames") or ""
    return int(number) if str(number).isdecimal() and int(number) > 0 else None


def tagged_length_s(raw: Mapping[str, Any], start_s: float) -> float | None:
    """Matroska's DURATION tag as a length: mkvmerge writes the length, FFmpeg the end of the last frame."""
    known = tags(raw)
    name = next((name for name in known if name == "duration" or name.startswith("duration-")), "")
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", known.get(name, ""))
    if not found:
        return None
    time_s = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
    is_length = any(name.startswith("_statistics_writing_app") for name in known)
    return time_s if is_length else max(0.0, time_s - start_s)


def bit_depth(pix_fmt: str) -> int:
    """Bits of one component of a pixel format, which its name ends with where they are not 8."""
    found = _DEPTH.search(pix_fmt)
    return _DEPTH_OF_PIXEL.get(found[1], 0) or int(found[1]) if found else 8


def ratio(text: object) -> Fraction | None:
    """A positive ratio as ffprobe prints it (`30/1`, `1:1`); None for `0/0`, `0:1`, `N/A` and silence."""
    top, _, bottom = str(text).replace(":", "/").partition("/")
    if not (top.isdecimal() and bottom.isdecimal() and int(top) and int(bottom)):
        return None
    return Fraction(int(top), int(bottom))


def _turn(raw: Mapping[str, Any]) -> Turn:
    for side in raw.get("side_data_list") or ():
        if matrix := parse_matrix(str(side.get("displaymatrix") or "")):
            return turn_of_matrix(matrix)
    return turn_of_tag(tags(raw).get("rotate", ""))


def _color(raw: Mapping[str, Any]) -> Color:
    return Color(
        range=_known(raw.get("color_range")),
        space=_known(raw.get("color_space")),
        primaries=_known(raw.get("color_primaries")),
        transfer=_known(raw.get("color_transfer")),
    )


def _known(word: object) -> str:
    return "" if word in {None, "unknown", "reserved", "unspecified"} else str(word)
