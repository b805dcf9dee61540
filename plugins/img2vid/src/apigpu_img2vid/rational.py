"""Rational zoom in FFmpeg's filters: one `sendcmd` file drives crop, scale and crop from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from apigpu.graph import Asset, Fragment, Pad
from apigpu_img2vid.ground import Copy, cut_out, laid_out, to_bt709
from apigpu_img2vid.planner import Frame, Move, plan
from apigpu_img2vid.shot import Shot, in_pace, repeated

_LONGEST_SIDE = 32000

Pair = tuple[int, int]


@dataclass(frozen=True)
class Crops:
    """The numbers of one frame, on the sheet: crop `size` at `offset`, scale to `scaled`, crop again at `skip`."""

    size: Pair
    offset: Pair
    scaled: Pair
    skip: Pair


@dataclass(frozen=True)
class Sheet:
    """The copies of the ground that a plan wants, below each other, so that one crop can choose among them."""

    copies: tuple[Copy, ...]
    frames: tuple[Crops, ...]


@lru_cache(maxsize=64)
def sheet_of(shot: Shot) -> Sheet | None:
    """A planned rational zoom; None where no plan is exact enough or the sheet would be too large for FFmpeg."""
    found = plan(*shot.ground.spans(shot.rects), width=shot.width, height=shot.height)
    if found is None:
        return None
    left, right = _margins([frame.across for frame in found.frames], [size[0] for size in found.stills])
    top, bottom = _margins([frame.down for frame in found.frames], [size[1] for size in found.stills])
    copies = tuple(Copy(*size, left, top, left + right, top + bottom) for size in found.stills)
    if max(left + right, (top + bottom) * len(copies)) > _LONGEST_SIDE:
        return None
    return Sheet(copies, tuple(_crops(frame, copies[frame.still]) for frame in found.frames))


def rational(fragment: Fragment, still: Pad, shot: Shot, sheet: Sheet) -> Pad:
    """The shot by crops and scales of whole numbers that change from frame to frame; see `planner`."""
    picture = repeated(fragment, _sheet_of_copies(fragment, still, shot, sheet), shot)
    names = Names(*(fragment.unique(name) for name in ("cut", "zoom", "trim")))
    commands = command_file(sheet.frames, names, frame_rate=shot.frame_rate, first=shot.first)
    if commands:
        picture = fragment.filter("sendcmd", picture, filename=Asset("camera.cmd", commands.encode()))
    start = sheet.frames[0]
    (w, h), (x, y) = start.size, start.offset
    picture = fragment.filter("crop", picture, instance=names.cut, w=w, h=h, x=x, y=y)
    # One thread: each more would set up a scaler of its own for every frame, which costs more than it saves.
    (w, h), (x, y) = start.scaled, start.skip
    picture = fragment.filter("scale", picture, instance=names.zoom, w=w, h=h, flags="bicubic", threads=1)
    picture = fragment.filter("crop", picture, instance=names.trim, w=shot.width, h=shot.height, x=x, y=y)
    return in_pace(fragment, picture, shot)


@dataclass(frozen=True)
class Names:
    """The instances that a command file addresses."""

    cut: str
    zoom: str
    trim: str


def command_file(frames: Sequence[Crops], names: Names, *, frame_rate: Fraction, first: int = 0) -> str:
    """What `sendcmd` tells the filters, a line for each frame that differs from the one before."""
    lines = []
    for number, (before, now) in enumerate(pairwise(frames), start=first + 1):
        commands = ", ".join(_changes(before, now, names))
        if commands:
            # A little early: FFmpeg compares times in whole microseconds.
            lines.append(f"{(number - 0.1) / float(frame_rate):.6f} {commands};\n")
    return "".join(lines)


def _changes(before: Crops, now: Crops, names: Names) -> Iterator[str]:
    """Commands in an order that never leaves the picture, the smallest number of them.

    `crop` keeps its neighbours informed of a new size, so `scale` notices none and must be told something
    whenever its input changes.
    """
    yield from _pair_changes(f"crop@{names.cut}", "wh", before.size, now.size)
    yield from _pair_changes(f"crop@{names.cut}", "xy", before.offset, now.offset)
    scaled = list(_pair_changes(f"scale@{names.zoom}", "wh", before.scaled, now.scaled))
    if not scaled and before.size != now.size:
        scaled = [f"scale@{names.zoom} w {now.scaled[0]}"]
    yield from scaled
    yield from _pair_changes(f"crop@{names.trim}", "xy", before.skip, now.skip)


def _pair_changes(target: str, options: str, before: Pair, now: Pair) -> Iterator[str]:
    for option, old, new in zip(options, before, now, strict=True):
        if old != new:
            yield f"{target} {option} {new}"


def _sheet_of_copies(fragment: Fragment, still: Pad, shot: Shot, sheet: Sheet) -> Pad:
    ground = shot.ground
    part = cut_out(fragment, still, ground)
    if len(sheet.copies) == 1:
        return to_bt709(fragment, laid_out(fragment, part, ground, sheet.copies[0]))
    parts = fragment.call("split", (part,), {}, outputs=len(sheet.copies))
    cells = [laid_out(fragment, one, ground, copy) for one, copy in zip(parts, sheet.copies, strict=True)]
    return to_bt709(fragment, fragment.filter("vstack", *cells, inputs=len(cells)))


def _margins(moves: Sequence[Move], sizes: Sequence[int]) -> tuple[int, int]:
    """How far cells must reach before the copy's first pixel and after it, for all copies and crops; even."""
    low = min(0, *(move.x for move in moves))
    high = max(*sizes, *(move.x + move.width for move in moves)) if moves else 0
    return -low, high


def _crops(frame: Frame, copy: Copy) -> Crops:
    x = copy.left + frame.across.x
    y = copy.top + frame.down.x + frame.still * copy.cell_height
    return Crops(
        (frame.across.width, frame.down.width),
        (x, y),
        (frame.across.scaled, frame.down.scaled),
        (frame.across.skip, frame.down.skip),
    )
