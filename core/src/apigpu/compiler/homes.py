"""Conversions between homes: which FFmpeg filters move frames from one memory or pixel format to another, and
what a pixel costs on the way."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from apigpu.formats import Domain, Home, bytes_per_pixel, has_alpha
from apigpu.graph import Call, Fragment, Pad

UPLOADABLE = ("nv12", "yuv420p", "yuva420p", "p010le", "p016le", "yuv444p", "yuv444p16le")
"""Pixel formats that CUDA frames can have in every FFmpeg since 5.1 (hwcontext_cuda.c)."""

SCALE_CUDA_FORMATS = ("nv12", "yuv420p", "p010le", "yuv444p")
"""Pixel formats between which scale_cuda converts."""

# Nanoseconds: a byte over PCIe with the copy that the CPU does for it; a pixel through swscale or scale_cuda.
_UPLOAD_NS_PER_BYTE = 0.30
_DOWNLOAD_NS_PER_BYTE = 0.35
_SWSCALE_NS = 2.0
_SCALE_CUDA_NS = 0.05
# Losing bits or alpha is legal where the next filter wants it so, but never worth a saving.
_LOSS_NS = 0.5


@dataclass(frozen=True)
class Conversion:
    """The cheapest way from one home to another, as the homes passed through; free where they are equal."""

    ns_per_pixel: float
    path: tuple[Home, ...]


class Conversions:
    """All cheapest conversions between the homes of one graph on one target."""

    def __init__(self, homes: Iterable[Home]) -> None:
        self._table = _all_pairs(frozenset(homes))

    def between(self, source: Home, wanted: Home) -> Conversion | None:
        """None where no chain of conversions leads there."""
        return self._table.get((source, wanted))


def convert(fragment: Fragment, pad: Pad, path: tuple[Home, ...]) -> Pad:
    """Write the calls that take frames along `path`, whose first home is where they are now."""
    for here, there in pairwise(path):
        pad = _convert_once(fragment, pad, here, there)
    return pad


def _convert_once(fragment: Fragment, pad: Pad, here: Home, there: Home) -> Pad:
    if here.domain is there.domain is Domain.CUDA:
        return reformat_on_cuda(fragment, _before_reformat(pad), there.pix_fmt)
    if there.domain is Domain.CUDA:
        # `format` first: without it FFmpeg may pick another layout for the upload than the next filter wants.
        return fragment.filter("hwupload", fragment.filter("format", pad, pix_fmts=there.pix_fmt))
    if here.domain is Domain.CUDA:
        # Only the frames' own layout comes down, so it is named; anything else is a step of its own.
        pad = fragment.filter("hwdownload", pad)
    return fragment.filter("format", pad, pix_fmts=there.pix_fmt)


def reformat_on_cuda(fragment: Fragment, pad: Pad, pix_fmt: str) -> Pad:
    """The same picture in another layout. Left to itself, scale_cuda takes 16 samples for every pixel of it."""
    return fragment.filter("scale_cuda", pad, format=pix_fmt, interp_algo="nearest")


def _before_reformat(pad: Pad) -> Pad:
    """The pad itself, or what comes before it where it only changed the layout: two changes are one."""
    call = pad.origin
    if isinstance(call, Call) and call.name == "scale_cuda" and "w" not in dict(call.options):
        return call.inputs[0]
    return pad


@lru_cache(maxsize=64)
def _all_pairs(homes: frozenset[Home]) -> Mapping[tuple[Home, Home], Conversion]:
    ordered = sorted(homes)
    steps = {
        home: [(cost, other) for other in ordered if (cost := _step_ns(home, other)) is not None] for home in ordered
    }
    return {(source, wanted): conversion for source in ordered for wanted, conversion in _from(source, steps).items()}


def _from(source: Home, steps: Mapping[Home, list[tuple[float, Home]]]) -> Mapping[Home, Conversion]:
    found: dict[Home, Conversion] = {}
    queue: list[tuple[float, tuple[Home, ...]]] = [(0.0, (source,))]
    while queue:
        cost, path = heapq.heappop(queue)
        if path[-1] in found:
            continue
        found[path[-1]] = Conversion(cost, path)
        for more, other in steps[path[-1]]:
            if other not in found:
                heapq.heappush(queue, (cost + more, (*path, other)))
    return found


def _step_ns(here: Home, there: Home) -> float | None:
    """Cost a pixel of one conversion step; None where FFmpeg has no filter for it."""
    if here == there:
        return None
    if here.domain is there.domain:
        return _reformat_ns(here, there)
    if here.pix_fmt != there.pix_fmt or Domain.SYSTEM not in (here.domain, there.domain):
        return None
    if Domain.CUDA not in (here.domain, there.domain) or here.pix_fmt not in UPLOADABLE:
        return None
    per_byte = _UPLOAD_NS_PER_BYTE if there.domain is Domain.CUDA else _DOWNLOAD_NS_PER_BYTE
    return per_byte * bytes_per_pixel(here.pix_fmt)


def _reformat_ns(here: Home, there: Home) -> float | None:
    loss = _LOSS_NS * (_information(there.pix_fmt) < _information(here.pix_fmt))
    if here.domain is Domain.SYSTEM:
        return _SWSCALE_NS + loss
    if here.domain is Domain.CUDA and {here.pix_fmt, there.pix_fmt} <= set(SCALE_CUDA_FORMATS):
        return _SCALE_CUDA_NS + loss
    return None


def _information(pix_fmt: str) -> float:
    return bytes_per_pixel(pix_fmt) + (0.5 if has_alpha(pix_fmt) else 0.0)
