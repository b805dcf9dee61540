"""What a stream carries: the size, rate and length of pictures and sound, and the memory where a frame lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from apigpu.media.facts import Color


class Domain(StrEnum):
    """A kind of memory that frames live in, by FFmpeg's hardware device names."""

    SYSTEM = "system"
    CUDA = "cuda"
    VULKAN = "vulkan"
    OPENCL = "opencl"


@dataclass(frozen=True, order=True)
class Home:
    """Where a frame lives and how its pixels are laid out there, such as `cuda:nv12`."""

    domain: Domain
    pix_fmt: str

    def __str__(self) -> str:
        return f"{self.domain}:{self.pix_fmt}"


@dataclass(frozen=True, kw_only=True)
class VideoFormat:
    """The pictures of a stream. `width` and `height` in pixels, `duration_s` in seconds from its first frame.

    `frame_rate` is the average where `is_vfr`. `change_rate` counts the frames a second that really differ
    from the one before: 0 for a still, and the frame rate where it is not given.
    """

    width: int
    height: int
    frame_rate: Fraction
    duration_s: float
    pix_fmt: str = "yuv420p"
    sar: Fraction = Fraction(1)
    is_vfr: bool = False
    change_rate: Fraction | None = None
    color: Color = field(default_factory=Color)

    @property
    def frames(self) -> int:
        """Frames in the whole stream, to the nearest; the one authority on frame counts."""
        return round(self.duration_s * self.frame_rate)

    @property
    def has_alpha(self) -> bool:
        return has_alpha(self.pix_fmt)

    @property
    def pixels_per_s(self) -> float:
        return self.width * self.height * float(self.frame_rate)


@dataclass(frozen=True, kw_only=True)
class AudioFormat:
    """The sound of a stream; `duration_s` in seconds from its first sample."""

    sample_rate_hz: int
    channels: int
    duration_s: float
    layout: str = ""


# Bytes a pixel of the formats that the compiler plans with; others count as 8-bit 4:4:4.
_BYTES_PER_PIXEL = {
    "gray": 1.0,
    "yuv420p": 1.5,
    "yuvj420p": 1.5,
    "nv12": 1.5,
    "yuva420p": 2.5,
    "yuv422p": 2.0,
    "yuvj422p": 2.0,
    "yuv420p10le": 3.0,
    "p010le": 3.0,
    "p016le": 3.0,
    "yuv422p10le": 4.0,
    "yuv444p": 3.0,
    "yuvj444p": 3.0,
    "yuva444p": 4.0,
    "yuv444p16le": 6.0,
    "rgb24": 3.0,
    "bgr24": 3.0,
    "gbrp": 3.0,
    "rgba": 4.0,
    "bgra": 4.0,
    "0rgb": 4.0,
    "rgb0": 4.0,
    "bgr0": 4.0,
    "0bgr": 4.0,
    "gbrap": 4.0,
}


def bytes_per_pixel(pix_fmt: str) -> float:
    """Average bytes that one pixel takes in memory, chroma included."""
    return _BYTES_PER_PIXEL.get(pix_fmt, 3.0)


def has_alpha(pix_fmt: str) -> bool:
    """True where the pixel format has an alpha plane or channel, by FFmpeg's names."""
    return pix_fmt.startswith(("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "pal8"))


def is_subsampled(pix_fmt: str) -> bool:
    """True for 4:2:0 formats, whose planes need even widths and heights in encoders."""
    return "420" in pix_fmt or pix_fmt in {"nv12", "nv21", "p010le", "p016le"}
