"""The spec of FFmpeg's CUDA filters: what they accept and give in every release from 5.1 to 9.0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from apigpu.compiler.links import Link, SpecError
from apigpu.compiler.specs_options import Options, number_in, padded, resized
from apigpu.formats import Domain

UPLOADABLE = frozenset(
    {"nv12", "yuv420p", "yuva420p", "p010le", "p016le", "yuv444p", "yuv444p16le", "0rgb32", "0bgr32"}
)
"""Layouts that CUDA frames may have in FFmpeg 5.1 (hwcontext_cuda.c); later releases have more."""

SCALABLE = frozenset({"nv12", "yuv420p", "yuv444p", "p010le", "p016le", "yuv444p16le"})
PADDABLE = frozenset({"nv12", "yuv420p", "yuv444p", "yuva420p"})


def on_cuda(links: Sequence[Link], layouts: frozenset[str]) -> Link:
    for number, link in enumerate(links):
        if link.domain is not Domain.CUDA:
            raise SpecError(f"pad {number} needs CUDA frames, gets {link}")
        if link.pix_fmt not in layouts:
            raise SpecError(f"pad {number} needs one of {', '.join(sorted(layouts))}, gets {link.pix_fmt}")
    return links[0]


def hwupload(links: Sequence[Link], options: Options) -> Link:
    link = links[0]
    if link.domain is Domain.CUDA:
        return link
    if link.domain is not Domain.SYSTEM or link.pix_fmt not in UPLOADABLE:
        raise SpecError(f"cannot upload {link}; CUDA frames can be {', '.join(sorted(UPLOADABLE))}")
    return replace(link, domain=Domain.CUDA)


def hwdownload(links: Sequence[Link], options: Options) -> Link:
    if links[0].domain is Domain.SYSTEM:
        raise SpecError("needs frames of a device, gets system memory")
    return replace(links[0], domain=Domain.SYSTEM)


def scale_cuda(links: Sequence[Link], options: Options) -> Link:
    link = resized(on_cuda(links, SCALABLE), options, "w", "h")
    layout = str(options.get("format", link.pix_fmt))
    if layout not in SCALABLE:
        raise SpecError(f"gives {', '.join(sorted(SCALABLE))}, not {layout}")
    if options.get("interp_algo") == "lanczos" or "param" in options:
        # What is brighter than white turns black (seen in 5.1 and 9.0); bicubic without `param` stays in range.
        raise SpecError("needs nearest, bilinear or bicubic without param: others overshoot, and FFmpeg wraps that")
    return replace(link, pix_fmt=layout)


def overlay_cuda(links: Sequence[Link], options: Options) -> Link:
    main, over = links
    on_cuda(links, UPLOADABLE)
    legal = {"nv12": {"nv12"}, "yuv420p": {"yuv420p", "yuva420p"}}
    if over.pix_fmt not in legal.get(main.pix_fmt, set()):
        raise SpecError(f"cannot lay {over.pix_fmt} over {main.pix_fmt}")
    if options.get("eof_action") != "pass":
        # Otherwise FFmpeg 9 takes the height of the encoder's picture from a padded copy of the first frame: 1088
        # rows for 1080 behind scale_cuda.
        raise SpecError("needs eof_action=pass")
    x, y = number_in(options, "x"), number_in(options, "y")
    # overlay_cuda writes past the picture into other memory instead of clipping (seen in 5.1 and 9.0).
    outside = x is None or y is None or x < 0 or y < 0 or x + over.width > main.width or y + over.height > main.height
    if outside and main.width and over.width:
        raise SpecError(f"the layer of {over.width}x{over.height} at {x},{y} leaves {main.width}x{main.height}")
    return main


def pad_cuda(links: Sequence[Link], options: Options) -> Link:
    return padded(on_cuda(links, PADDABLE), options)


def transpose_cuda(links: Sequence[Link], options: Options) -> Link:
    link = on_cuda(links, UPLOADABLE)
    return replace(link, width=link.height, height=link.width)


def any_cuda(links: Sequence[Link], options: Options) -> Link:
    return on_cuda(links, SCALABLE)
