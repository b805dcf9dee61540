"""`Shot`: which frames of which still are to be made. Here too are the first and last filters of every shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from apigpu.graph import Fragment, Pad
from apigpu_img2vid.ground import Copy, Ground, Still, cut_out, ground_of, laid_out, to_bt709
from apigpu_img2vid.motion import Path, Rect
from apigpu_img2vid.planner import Span


@dataclass(frozen=True)
class Shot:
    """`count` of the `frames` that a path takes, from number `first` on. Sizes even, in pixels."""

    still: Still
    path: Path
    width: int
    height: int
    frame_rate: Fraction
    frames: int
    first: int
    count: int

    @property
    def ground(self) -> Ground:
        return ground_of(self.still, self.path, self.width)

    @property
    def rects(self) -> Sequence[Rect]:
        """What each frame shows of the upright still."""
        last = max(1, self.frames - 1)
        return [self.path.at(number / last) for number in range(self.first, self.first + self.count)]


def resting(fragment: Fragment, still: Pad, shot: Shot) -> Pad:
    """One picture, scaled once and repeated: exactly the same in every frame."""
    ground = shot.ground
    across, down = ground.spans([shot.path.start])
    width, left, x = _at_rest(across[0], shot.width)
    height, top, y = _at_rest(down[0], shot.height)
    copy = Copy(width, height, left, top, max(left + width, x + shot.width), max(top + height, y + shot.height))
    picture = to_bt709(fragment, laid_out(fragment, cut_out(fragment, still, ground), ground, copy))
    picture = fragment.filter("crop", picture, w=shot.width, h=shot.height, x=x, y=y)
    return in_pace(fragment, repeated(fragment, picture, shot), shot)


def repeated(fragment: Fragment, picture: Pad, shot: Shot) -> Pad:
    """The picture once for every frame, by reference, at the time that the frame has in the whole stream."""
    if shot.count > 1:
        picture = fragment.filter("loop", picture, loop=shot.count - 1, size=1, start=0)
    picture = fragment.filter("settb", picture, expr=1 / shot.frame_rate)
    number = f"N+{shot.first}" if shot.first else "N"
    return fragment.filter("setpts", picture, expr=number, rate=shot.frame_rate)


def in_pace(fragment: Fragment, picture: Pad, shot: Shot) -> Pad:
    """Square pixels and a declared frame rate. Frames pass `fps` as they are, but the encoder learns the rate from
    it: after a still it would assume 25. A JPEG's dots per inch would become the pixels' shape."""
    picture = fragment.filter("setsar", picture, sar=1)
    return fragment.filter("fps", picture, fps=shot.frame_rate, rate=shot.frame_rate)


def _at_rest(span: Span, count: int) -> tuple[int, int, int]:
    """Size of the ground, its place in the cell, and where the crop begins; all even.

    Rounding the size may not move what is seen, so the middle of it is what stays in place.
    """
    size = max(2, 2 * round(count / span.length / 2))
    middle = (max(0.0, span.start) + min(1.0, span.start + span.length)) / 2
    start = 2 * round((middle * size - (middle - span.start) / span.length * count) / 2)
    return size, max(0, -start), max(0, start)
