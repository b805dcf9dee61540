"""Rules on sizes and places that CPU and CUDA filters share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from apigpu.compiler.links import Link, SpecError
from apigpu.formats import is_subsampled
from apigpu.graph import Value

Options = Mapping[str, Value]

MAX_SIDE = 32767
"""Longest side that FFmpeg's image code handles without overflow at common pixel formats."""


def number_in(options: Options, name: str) -> int | None:
    """An option that is a plain number; None where it is absent or an expression."""
    value = options.get(name)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float | Fraction):
        return int(value)
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else None


def resized(link: Link, options: Options, *names: str) -> Link:
    width, height = (number_in(options, name) for name in names)
    if any(side is not None and not 0 < side <= MAX_SIDE for side in (width, height)):
        raise SpecError(f"cannot make a picture of {width}x{height}")
    return replace(
        link,
        width=width if width is not None else 0 if names[0] in options else link.width,
        height=height if height is not None else 0 if names[1] in options else link.height,
    )


def padded(link: Link, options: Options) -> Link:
    out = resized(link, options, "w", "h")
    x, y = number_in(options, "x") or 0, number_in(options, "y") or 0
    even_on_420(link, out.width, out.height)
    if link.width and out.width and (x + link.width > out.width or y + link.height > out.height):
        raise SpecError(f"cannot put {link.width}x{link.height} at {x},{y} on {out.width}x{out.height}")
    return out


def even_on_420(link: Link, *sides: int) -> None:
    if is_subsampled(link.pix_fmt) and any(side % 2 for side in sides):
        raise SpecError(f"needs even sides for {link.pix_fmt}, gets {'x'.join(map(str, sides))}")
