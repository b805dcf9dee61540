"""One number for quality, and what each encoder is told for it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

MIN_QUALITY, DEFAULT_QUALITY, MAX_QUALITY = 1, 75, 100

# libx264 is the ruler: its crf is chosen, 20 by default. The crf of the other two gives the same VMAF, as
# bench/quality.py found. Straight lines lead from one anchor to the next. The scale ends where SVT-AV1's does:
# it makes nothing worse than libx264 does at crf 31.
ANCHORS = (0, 25, 50, 75, 100)
_CRF: Mapping[str, tuple[float, ...]] = {
    "libx264": (31, 27.5, 24, 20, 14),
    "libx265": (35.9, 31.7, 27.7, 22.4, 15),
    "libsvtav1": (62, 58, 50, 35, 12),
}
# A rule of thumb, not calibrated: no NVENC has been measured. Each follows the software encoder of its codec.
_CQ_ABOVE_CRF = {"h264_nvenc": ("libx264", 1.0), "hevc_nvenc": ("libx265", 1.0), "av1_nvenc": ("libsvtav1", 0.0)}
_WHOLE = {"libsvtav1"}
_LARGEST_CQ = {"h264_nvenc": 51.0, "hevc_nvenc": 51.0, "av1_nvenc": 63.0}


def told(encoder: str, quality: int) -> dict[str, str]:
    """The option that sets `quality`, 1 to 100, of an encoder; nothing for one without it, such as png."""
    if encoder in _CRF:
        return {"crf": _written(_crf(encoder, quality), whole=encoder in _WHOLE)}
    if encoder in _CQ_ABOVE_CRF:
        like, above = _CQ_ABOVE_CRF[encoder]
        return {"cq": _written(min(_crf(like, quality) + above, _LARGEST_CQ[encoder]))}
    return {}


def _crf(encoder: str, quality: int) -> float:
    values = _CRF[encoder]
    after = min(bisect_right(ANCHORS, quality), len(ANCHORS) - 1)
    low, high = ANCHORS[after - 1], ANCHORS[after]
    share = (quality - low) / (high - low)
    return values[after - 1] + share * (values[after] - values[after - 1])


def _written(value: float, *, whole: bool = False) -> str:
    return str(round(value)) if whole else f"{value:.1f}".removesuffix(".0")
