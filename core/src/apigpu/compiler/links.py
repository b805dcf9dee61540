"""`Link`: what one link of the concrete graph carries, and how it is worked out along the graph."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu.formats import Domain


@dataclass(frozen=True, kw_only=True)
class Link:
    """Frames on their way from one FFmpeg filter to the next.

    `pix_fmt` is empty where FFmpeg is free to pick one; sizes are 0 where options are expressions that only
    FFmpeg evaluates; `rate` is frames a second that really travel.
    """

    is_video: bool = True
    domain: Domain = Domain.SYSTEM
    pix_fmt: str = ""
    width: int = 0
    height: int = 0
    rate: float = 0.0
    duration_s: float = 0.0
    square: bool = True
    """False where the pixels are not square, which concat and others compare."""

    def __str__(self) -> str:
        if not self.is_video:
            return "sound"
        size = f" {self.width}x{self.height}" if self.width else ""
        return f"{self.domain}:{self.pix_fmt or 'any'}{size}"


class SpecError(Exception):
    """A rule of FFmpeg that a call breaks, as a sentence without a subject: `needs ..., gets ...`."""
