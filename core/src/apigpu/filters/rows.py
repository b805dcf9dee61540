"""Short forms for the implementations of ordinary filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from apigpu.errors import PluginError
from apigpu.formats import Domain, VideoFormat
from apigpu.graph import ANY_CUDA, ANY_SYSTEM, Implementation, Pad, Value

SCALE_OPTIONS: Mapping[str, Value] = {"flags": "bicubic", "param0": 0, "param1": 0}
"""Of swscale, so that a resized picture is the same on every target: scale_cuda's bicubic has these coefficients,
and others overshoot there and wrap (60 dB of luma between both, 45 with swscale's default; seen in 5.1 and 9.0)."""


def transparent(name: str, **options: Value) -> Sequence[Implementation]:
    """Implementations of an FFmpeg filter that passes frames of any memory by reference, such as `fps`."""
    return everywhere(lambda fragment, video: fragment.call(name, (video,), options)[0])


def everywhere(build: Callable[..., Pad]) -> Sequence[Implementation]:
    """Implementations of calls that pass frames of any memory by reference."""
    return [
        Implementation(domain=Domain.SYSTEM, accepts=(ANY_SYSTEM,), build=build),
        Implementation(domain=Domain.CUDA, accepts=(ANY_CUDA,), build=build),
    ]


def simple(name: str, cost_ns_per_s: float, **options: Value) -> Implementation:
    return system(lambda fragment, video: fragment.call(name, (video,), options)[0], cost_ns_per_s)


def system(build: Callable[..., Pad], cost_ns_per_s: float) -> Implementation:
    return Implementation(domain=Domain.SYSTEM, accepts=(ANY_SYSTEM,), build=build, cost_ns_per_s=cost_ns_per_s)


def require_even(what: str, *numbers: int) -> None:
    if any(number % 2 for number in numbers):
        raise PluginError(f"{what} needs even numbers, and got {', '.join(map(str, numbers))}.")


def size(picture: VideoFormat) -> str:
    return f"{picture.width}x{picture.height}"
