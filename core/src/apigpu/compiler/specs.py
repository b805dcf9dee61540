"""The spec: what FFmpeg's filters accept and give, as far as apigpu's graphs use them.

Read in FFmpeg's sources (5.1 to 9.0) and checked against the running FFmpeg by property tests. A rule takes the
links that come in and the options, and gives the link that goes out, or raises SpecError with FFmpeg's rule.
Filters that are not listed are taken for CPU filters that keep size and pixel format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from apigpu.compiler.links import Link, SpecError
from apigpu.formats import Domain, bytes_per_pixel, is_subsampled
from apigpu.graph import Value

Options = Mapping[str, Value]
Rule = Callable[[Sequence[Link], Options], Link]

MAX_SIDE = 32767
"""Longest side that FFmpeg's image code handles without overflow at common pixel formats."""


def _number(options: Options, name: str) -> int | None:
    """An option that is a plain number; None where it is absent or an expression."""
    value = options.get(name)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float | Fraction):
        return int(value)
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else None


def _in_system(links: Sequence[Link]) -> Link:
    for number, link in enumerate(links):
        if link.is_video and link.domain is not Domain.SYSTEM:
            raise SpecError(f"pad {number} needs frames in system memory, gets {link}")
    return links[0]


def default(links: Sequence[Link], options: Options) -> Link:
    return _in_system(links) if links else Link()


def passed_by_reference(links: Sequence[Link], options: Options) -> Link:
    """Filters that never touch pixels, so that frames of any memory pass."""
    return links[0]


def _pix_fmt(links: Sequence[Link], options: Options) -> Link:
    link = links[0]
    wanted = str(options.get("pix_fmts", "")).split("|")
    if link.domain is not Domain.SYSTEM:
        raise SpecError(f"cannot turn {link} into {wanted[0]}: format only converts system memory")
    return replace(link, pix_fmt=link.pix_fmt if link.pix_fmt in wanted else wanted[0])


def _scale(links: Sequence[Link], options: Options) -> Link:
    return _resized(_in_system(links), options, "w", "h")


def _resized(link: Link, options: Options, *names: str) -> Link:
    width, height = (_number(options, name) for name in names)
    if any(side is not None and not 0 < side <= MAX_SIDE for side in (width, height)):
        raise SpecError(f"cannot make a picture of {width}x{height}")
    return replace(
        link,
        width=width if width is not None else 0 if names[0] in options else link.width,
        height=height if height is not None else 0 if names[1] in options else link.height,
    )


def _crop(links: Sequence[Link], options: Options) -> Link:
    link = _in_system(links)
    out = _resized(link, options, "w", "h")
    if not options.get("exact"):
        _even_on_420(link, out.width, out.height)
    if link.width and (out.width > link.width or out.height > link.height):
        raise SpecError(f"cannot cut {out.width}x{out.height} out of {link.width}x{link.height}")
    return out


def _pad(links: Sequence[Link], options: Options) -> Link:
    link = _in_system(links)
    return _padded(link, options)


def _padded(link: Link, options: Options) -> Link:
    out = _resized(link, options, "w", "h")
    x, y = _number(options, "x") or 0, _number(options, "y") or 0
    _even_on_420(link, out.width, out.height)
    if link.width and out.width and (x + link.width > out.width or y + link.height > out.height):
        raise SpecError(f"cannot put {link.width}x{link.height} at {x},{y} on {out.width}x{out.height}")
    return out


def _even_on_420(link: Link, *sides: int) -> None:
    if is_subsampled(link.pix_fmt) and any(side % 2 for side in sides):
        raise SpecError(f"needs even sides for {link.pix_fmt}, gets {'x'.join(map(str, sides))}")


def _transpose(links: Sequence[Link], options: Options) -> Link:
    link = _in_system(links)
    return replace(link, width=link.height, height=link.width)


def _same_size(links: Sequence[Link], options: Options) -> Link:
    first = _in_system(links)
    for number, link in enumerate(links):
        if first.width and link.width and (link.width, link.height) != (first.width, first.height):
            raise SpecError(f"pad {number} needs {first.width}x{first.height}, gets {link.width}x{link.height}")
    return first


def _concat(links: Sequence[Link], options: Options) -> Link:
    if not links[0].is_video:
        return replace(links[0], duration_s=sum(link.duration_s for link in links))
    first = _same_size(links, options)
    odd = next((number for number, link in enumerate(links) if link.square != first.square), None)
    if odd is not None:
        raise SpecError(f"pad {odd} has another pixel shape than pad 0")
    return replace(first, duration_s=sum(link.duration_s for link in links))


def _sar(links: Sequence[Link], options: Options) -> Link:
    return replace(links[0], square=str(options.get("sar", 1)) in {"1", "1/1"})


def _fps(links: Sequence[Link], options: Options) -> Link:
    return replace(links[0], rate=float(Fraction(str(options.get("fps", 25)))))


def _color(links: Sequence[Link], options: Options) -> Link:
    width, _, height = str(options.get("s", options.get("size", "320x240"))).partition("x")
    rate = float(Fraction(str(options.get("r", options.get("rate", 25)))))
    duration_s = float(Fraction(str(options.get("d", options.get("duration", 0)))))
    return Link(width=int(width), height=int(height), rate=rate, duration_s=duration_s)


def _extracted(links: Sequence[Link], options: Options) -> Link:
    return replace(_in_system(links), pix_fmt="gray")


def _alpha_merged(links: Sequence[Link], options: Options) -> Link:
    first = _same_size(links, options)
    with_alpha = {
        "yuv420p": "yuva420p",
        "yuv422p": "yuva422p",
        "yuv444p": "yuva444p",
        "gbrp": "gbrap",
        "rgb24": "rgba",
    }
    return replace(first, pix_fmt=with_alpha.get(first.pix_fmt, first.pix_fmt))


def _trim(links: Sequence[Link], options: Options) -> Link:
    start, end = (_seconds(options.get(name)) for name in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        raise SpecError(f"needs an end after the start, gets {start or 0} s to {end} s")
    return links[0]


def _seconds(value: Value | None) -> float | None:
    return float(value) if isinstance(value, int | float | Fraction) else None


def _audio(links: Sequence[Link], options: Options) -> Link:
    return links[0] if links else Link(is_video=False)


# ------------------------------------------------------------------------------------------------------- CUDA

UPLOADABLE = frozenset(
    {"nv12", "yuv420p", "yuva420p", "p010le", "p016le", "yuv444p", "yuv444p16le", "0rgb32", "0bgr32"}
)
"""Layouts that CUDA frames may have in FFmpeg 5.1 (hwcontext_cuda.c); later releases have more."""

SCALABLE = frozenset({"nv12", "yuv420p", "yuv444p", "p010le", "p016le", "yuv444p16le"})
PADDABLE = frozenset({"nv12", "yuv420p", "yuv444p", "yuva420p"})


def _on_cuda(links: Sequence[Link], layouts: frozenset[str]) -> Link:
    for number, link in enumerate(links):
        if link.domain is not Domain.CUDA:
            raise SpecError(f"pad {number} needs CUDA frames, gets {link}")
        if link.pix_fmt not in layouts:
            raise SpecError(f"pad {number} needs one of {', '.join(sorted(layouts))}, gets {link.pix_fmt}")
    return links[0]


def _hwupload(links: Sequence[Link], options: Options) -> Link:
    link = links[0]
    if link.domain is Domain.CUDA:
        return link
    if link.domain is not Domain.SYSTEM or link.pix_fmt not in UPLOADABLE:
        raise SpecError(f"cannot upload {link}; CUDA frames can be {', '.join(sorted(UPLOADABLE))}")
    return replace(link, domain=Domain.CUDA)


def _hwdownload(links: Sequence[Link], options: Options) -> Link:
    if links[0].domain is Domain.SYSTEM:
        raise SpecError("needs frames of a device, gets system memory")
    return replace(links[0], domain=Domain.SYSTEM)


def _scale_cuda(links: Sequence[Link], options: Options) -> Link:
    link = _resized(_on_cuda(links, SCALABLE), options, "w", "h")
    layout = str(options.get("format", link.pix_fmt))
    if layout not in SCALABLE:
        raise SpecError(f"gives {', '.join(sorted(SCALABLE))}, not {layout}")
    return replace(link, pix_fmt=layout)


def _overlay_cuda(links: Sequence[Link], options: Options) -> Link:
    main, over = links
    _on_cuda(links, UPLOADABLE)
    legal = {"nv12": {"nv12"}, "yuv420p": {"yuv420p", "yuva420p"}}
    if over.pix_fmt not in legal.get(main.pix_fmt, set()):
        raise SpecError(f"cannot lay {over.pix_fmt} over {main.pix_fmt}")
    x, y = _number(options, "x"), _number(options, "y")
    # overlay_cuda writes past the picture into other memory instead of clipping (seen in 5.1 and 9.0).
    outside = x is None or y is None or x < 0 or y < 0 or x + over.width > main.width or y + over.height > main.height
    if outside and main.width and over.width:
        raise SpecError(f"the layer of {over.width}x{over.height} at {x},{y} leaves {main.width}x{main.height}")
    return main


def _pad_cuda(links: Sequence[Link], options: Options) -> Link:
    return _padded(_on_cuda(links, PADDABLE), options)


def _transpose_cuda(links: Sequence[Link], options: Options) -> Link:
    link = _on_cuda(links, UPLOADABLE)
    return replace(link, width=link.height, height=link.width)


def _any_cuda(links: Sequence[Link], options: Options) -> Link:
    return _on_cuda(links, SCALABLE)


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        ("null", "setpts", "settb", "select", "split", "sendcmd", "sidedata", "metadata", "setparams", "loop"),
        passed_by_reference,
    ),
    **dict.fromkeys(("setfield", "setrange", "showinfo", "realtime", "cue", "fifo"), passed_by_reference),
    "format": _pix_fmt,
    "scale": _scale,
    "crop": _crop,
    "pad": _pad,
    "transpose": _transpose,
    "setsar": _sar,
    "fps": _fps,
    "trim": _trim,
    "concat": _concat,
    "color": _color,
    "blend": _same_size,
    "xfade": _same_size,
    "alphamerge": _alpha_merged,
    "extractplanes": _extracted,
    "overlay": default,
    "hwupload": _hwupload,
    "hwdownload": _hwdownload,
    "scale_cuda": _scale_cuda,
    "overlay_cuda": _overlay_cuda,
    "pad_cuda": _pad_cuda,
    "transpose_cuda": _transpose_cuda,
    **dict.fromkeys(("yadif_cuda", "bwdif_cuda", "thumbnail_cuda", "bilateral_cuda", "colorspace_cuda"), _any_cuda),
}


def rule_of(name: str) -> Rule:
    """The rule of an FFmpeg filter, instance names (`crop@a`) included."""
    return RULES.get(name.split("@")[0], default)


def bytes_per_s(link: Link) -> float:
    """Bytes a second that travel over a link."""
    return link.width * link.height * link.rate * bytes_per_pixel(link.pix_fmt or "yuv420p")
