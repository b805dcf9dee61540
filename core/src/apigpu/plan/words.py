"""The phrases that all renderings of a plan share."""

from __future__ import annotations

from fractions import Fraction

from apigpu.plan.model import PlanLink


def link_words(link: PlanLink) -> str:
    """What travels over a link: `yuv420p 1920x1080`, with the bytes a second where it crosses to another memory."""
    if link.kind == "audio" or not link.pix_fmt:
        return ""
    words = f"{link.pix_fmt} {link.width}x{link.height}"
    return f"{words} {bytes_words(link.bytes_per_s)}/s" if link.transfer else words


def bytes_words(count: float) -> str:
    """A number of bytes for people: `93.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def rate_words(frame_rate: str) -> str:
    """A frame rate for people: `29.97` for 30000/1001."""
    return f"{float(Fraction(frame_rate)):.3f}".rstrip("0").rstrip(".") if frame_rate else ""
