"""The spec: what FFmpeg's filters accept and give, as far as apigpu's graphs use them.

Read in FFmpeg's sources (5.1 to 9.0) and checked against the running FFmpeg by property tests. A rule takes the
links that come in and the options, and gives the link that goes out, or raises SpecError with FFmpeg's rule.
Filters that are not listed are taken for CPU filters that keep size and pixel format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from apigpu.compiler import specs_cuda
from apigpu.compiler.links import Link, SpecError
from apigpu.compiler.specs_options import Options, even_on_420, padded, resized
from apigpu.formats import Domain, bytes_per_pixel
from apigpu.graph import Value

Rule = Callable[[Sequence[Link], Options], Link]


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
    return resized(_in_system(links), options, "w", "h")


def _crop(links: Sequence[Link], options: Options) -> Link:
    link = _in_system(links)
    out = resized(link, options, "w", "h")
    if not options.get("exact"):
        even_on_420(link, out.width, out.height)
    if link.width and (out.width > link.width or out.height > link.height):
        raise SpecError(f"cannot cut {out.width}x{out.height} out of {link.width}x{link.height}")
    return out


def _pad(links: Sequence[Link], options: Options) -> Link:
    link = _in_system(links)
    return padded(link, options)


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
    "hwupload": specs_cuda.hwupload,
    "hwdownload": specs_cuda.hwdownload,
    "scale_cuda": specs_cuda.scale_cuda,
    "overlay_cuda": specs_cuda.overlay_cuda,
    "pad_cuda": specs_cuda.pad_cuda,
    "transpose_cuda": specs_cuda.transpose_cuda,
    **dict.fromkeys(
        ("yadif_cuda", "bwdif_cuda", "thumbnail_cuda", "bilateral_cuda", "colorspace_cuda"), specs_cuda.any_cuda
    ),
}


def rule_of(name: str) -> Rule:
    """The rule of an FFmpeg filter, instance names (`crop@a`) included."""
    return RULES.get(name.split("@")[0], default)


def bytes_per_s(link: Link) -> float:
    """Bytes a second that travel over a link."""
    return link.width * link.height * link.rate * bytes_per_pixel(link.pix_fmt or "yuv420p")
