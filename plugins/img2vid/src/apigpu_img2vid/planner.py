"""Integers that make FFmpeg's `crop`, `scale`, `crop` follow a camera path to a few hundredths of a pixel.

swscale resamples exactly between whole sizes, and all three filters take whole, in 4:2:0 even, numbers only.
For a row of `count` output pixels that shall begin at `start` in a still and advance by `step` a pixel, take

    crop `width` pixels at `x`   ->   scale them to `scaled`   ->   crop `count` pixels at `skip`

Output pixel i then shows `x + (skip + i + 1/2) * width / scaled`. The ratio must meet `step` closely, and the
remainder of `start - skip * ratio` against the even grid must be small. Both happen often for a wanted step,
except around ratios of small integers, where few remainders exist. How large the still was made beforehand is
free, so such a frame is taken from a second copy of the still, made in another size: the bad steps of one copy
are good ones of the other. This is number theory over at most 80 small integers a frame, so plain Python
(20 microseconds a frame and axis) beats importing an array library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE_PX = 0.04
"""The planned error of no frame exceeds this on either axis, at either end of the row, in output pixels."""

_GOOD_PX = 0.02  # the search for a frame ends here; errors spread evenly below it, so their rms is 0.012
_REACH = 80  # how far, in steps of 2 pixels, the scaled row may exceed the output
_OVERSAMPLING = 1.25  # size of the still against the output, where the path comes closest
_SIZE_STEP_PX = 6
_MOST_SIZES = 40
_MOST_STILLS = 6
_MOST_SOLUTIONS = 3000  # bounds the search over sizes for long clips
_SPARE = 0.15  # share of frames that the first still may leave to the second, in a clip of more than
_FEW_FRAMES = 30  # that many; fewer are worth a search for a size that serves them all, since a still costs 0.1 s


@dataclass(frozen=True)
class Span:
    """What one row shows: where it starts and how long it is, in units of the still's side."""

    start: float
    length: float


@dataclass(frozen=True)
class Move:
    """One row by integers, all even: crop `width` at `x`, scale to `scaled`, crop the output at `skip`."""

    x: int
    width: int
    scaled: int
    skip: int


@dataclass(frozen=True)
class Frame:
    """One output frame: from which copy of the still, and how."""

    still: int
    across: Move
    down: Move


@dataclass(frozen=True)
class Plan:
    """`stills` holds the width and height of each copy of the still; `frames` one entry an output frame."""

    stills: tuple[tuple[int, int], ...]
    frames: tuple[Frame, ...]


def plan(across: tuple[Span, ...], down: tuple[Span, ...], *, width: int, height: int) -> Plan | None:
    """The cheapest plan found whose every frame is within `TOLERANCE_PX`; None where six stills do not do."""
    left = list(range(len(across)))
    stills: list[tuple[int, int]] = []
    frames: dict[int, Frame] = {}
    while left and len(stills) < _MOST_STILLS:
        size_x, moves_x = _best_size(across, left, width, first=not stills)
        size_y, moves_y = _best_size(down, left, height, first=not stills)
        for index, x, y in zip(left, moves_x, moves_y, strict=True):
            if x is not None and y is not None:
                frames[index] = Frame(len(stills), x, y)
        left = [index for index in left if index not in frames]
        stills.append((size_x, size_y))
    if left:
        return None
    return Plan(tuple(stills), tuple(frames[index] for index in range(len(across))))


def still_size(spans: Sequence[Span], count: int) -> int:
    """Even size that the still should have on an axis, so that the closest frame does not lack detail."""
    return max(2, 2 * round(_OVERSAMPLING * count / min(span.length for span in spans) / 2))


def error_px(move: Move, span: Span, *, size: int, count: int) -> float:
    """How far the worse end of the row lies from where it should, in output pixels."""
    step = span.length * size / count
    ratio = move.width / move.scaled
    near = move.x + move.skip * ratio - span.start * size
    return max(abs(near), abs(near + count * (ratio - step))) / step


def _best_size(
    spans: Sequence[Span], left: Sequence[int], count: int, *, first: bool
) -> tuple[int, list[Move | None]]:
    """The size at which fewest of the frames in `left` find no move, and all their moves."""
    wanted = [spans[index] for index in left]
    enough = int(_SPARE * len(wanted)) if first and len(wanted) > _FEW_FRAMES else 0
    base = still_size(spans, count)
    best: tuple[int, int, list[Move | None]] | None = None
    for trial in range(_trials(wanted)):
        size = base + trial * _SIZE_STEP_PX
        moves = _moves(wanted, size, count)
        missing = moves.count(None)
        if best is None or missing < best[0]:
            best = (missing, size, moves)
        if missing <= enough:
            break
    assert best is not None
    return best[1], best[2]


def _trials(spans: Sequence[Span]) -> int:
    """How many sizes are worth trying. A pan needs one that serves all its frames, and bad ones show at once."""
    if len({span.length for span in spans}) == 1:
        return _MOST_SIZES
    return max(3, min(_MOST_SIZES, _MOST_SOLUTIONS // len(spans)))


def _moves(spans: Sequence[Span], size: int, count: int) -> list[Move | None]:
    """A move for each span. Spans of equal length share their scale, so that FFmpeg sets it up only once."""
    groups: dict[float, dict[float, Move | None]] = {}
    for span in spans:
        groups.setdefault(span.length, {})[span.start] = None
    for length, starts in groups.items():
        found = _solve([start * size for start in starts], length * size / count, count)
        starts.update(zip(starts, found, strict=True))
    return [groups[span.length][span.start] for span in spans]


def _solve(starts: Sequence[float], step: float, count: int) -> Sequence[Move | None]:
    """Moves of one common scale for rows of `count` pixels; all None if one of them finds none.

    Works in units of 2 pixels, so that even numbers become whole ones.
    """
    half = count // 2
    to_px = 2.0 / step
    skips: list[list[int]] = []
    for start in starts:
        skips.append(_candidate_skips(start / 2, step, to_px))
        if not skips[-1]:
            return [None] * len(starts)
    worst, best = TOLERANCE_PX, None
    for scaled in range(half + 1 + max(found[0] for found in skips), half + _REACH + 1):
        width = round(step * scaled)
        ratio = width / scaled
        drift = (ratio - step) * count / step
        if abs(drift) > 2 * worst:
            continue
        chosen = _choose_skips(starts, skips, ratio=ratio, drift=drift, most=scaled - half - 1, to_px=to_px)
        if chosen is not None and chosen[0] < worst:
            worst, best = chosen[0], [Move(2 * x, 2 * width, 2 * scaled, 2 * skip) for x, skip in chosen[1]]
            if worst <= _GOOD_PX:
                break
    return best or [None] * len(starts)


def _candidate_skips(start: float, step: float, to_px: float) -> list[int]:
    """Skips whose remainder against the even grid is small, smallest first.

    At least 1: the outermost pixels of a scaled crop lack their neighbours.
    """
    found = []
    for skip in range(1, _REACH):
        x = start - skip * step
        if abs(round(x) - x) * to_px <= TOLERANCE_PX:
            found.append(skip)
    return found


def _choose_skips(
    starts: Sequence[float],
    skips: Sequence[Sequence[int]],
    *,
    ratio: float,
    drift: float,
    most: int,
    to_px: float,
) -> tuple[float, list[tuple[int, int]]] | None:
    """For each start the crop and skip of least error, and the worst error; None if one is beyond tolerance."""
    worst, chosen = 0.0, []
    for start, candidates in zip(starts, skips, strict=True):
        least, pick = TOLERANCE_PX, None
        for skip in candidates:
            if skip > most:
                break
            wanted = start / 2 - skip * ratio
            x = round(wanted)
            near = (x - wanted) * to_px
            error = max(abs(near), abs(near + drift))
            if error < least:
                least, pick = error, (x, skip)
        if pick is None:
            return None
        worst = max(worst, least)
        chosen.append(pick)
    return worst, chosen
