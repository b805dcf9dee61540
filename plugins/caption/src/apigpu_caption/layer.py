"""The captions as a layer of their own: one frame for each caption state, moved to its real time.

Captions that stand still change only when a cue begins or ends. So every state is drawn once, at one frame a
second, and `setpts` takes it to its moment: on CUDA a few dozen uploads replace two transfers of every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from apigpu.formats import VideoFormat
from apigpu.graph import Asset, AssetFolder, Fragment, Pad
from apigpu_caption.ass import Canvas
from apigpu_caption.timeline import State, video_end_cs

MAX_FRAMES = 4000
"""Longer expressions come near the 128 kB that Linux allows for one argument of a program."""

_MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c"})


Filter = Literal["subtitles", "ass"]
"""FFmpeg's two filters for libass: `ass` reads scripts by libass itself, in any order of fields."""


@dataclass(frozen=True)
class Layer:
    """What the layer shows: `script` shows frame k from second k to k+1, and it belongs at `starts_cs[k]`."""

    script: Asset
    by: Filter
    starts_cs: tuple[int, ...]
    canvas: Canvas
    rate: Fraction
    """Frames a second of video, on average."""
    matrix: str = ""
    """The video's colour matrix, where it is known."""

    def draw(self, fragment: Fragment, fonts: AssetFolder, *, tag_alpha: bool) -> Pad:
        """Frames in yuva420p with straight alpha and exact colours.

        libass blends alpha itself as if it were a colour, which no overlay can undo. So the captions are drawn on
        black and on white: what differs is what shines through. In yuv444p white is 235 and black 16 in every
        FFmpeg (in gbrp it is not). `tag_alpha` is for FFmpeg 9, which would otherwise multiply by alpha once more.
        """
        on_black, on_white = (self._drawn(fragment, fonts, ground) for ground in ("black", "white"))
        colours, compared = fragment.call("split", (on_black,), {}, outputs=2)
        difference = fragment.filter("blend", on_white, compared, all_mode="difference")
        luma = fragment.filter("extractplanes", difference, planes="y")
        alpha = fragment.filter("lut", luma, c0="clip(255-val*255/219,0,255)")
        merged = fragment.filter("alphamerge", colours, alpha)
        if tag_alpha:
            merged = fragment.filter("setparams", merged, alpha_mode="premultiplied")
        straight = fragment.filter("unpremultiply", merged, inplace=1)
        return self._at_its_time(fragment, fragment.filter("format", straight, pix_fmts="yuva420p"))

    def _drawn(self, fragment: Fragment, fonts: AssetFolder, ground: str) -> Pad:
        size = f"{self.canvas.width}x{self.canvas.height}"
        blank = fragment.source("color", c=ground, s=size, r=1, d=len(self.starts_cs))
        blank = fragment.filter("format", blank, pix_fmts="yuv444p")
        if self.matrix:
            # FFmpeg from 7 on draws with the matrix that its frames bear; before, always with BT.601's.
            blank = fragment.filter("setparams", blank, colorspace=self.matrix)
        return fragment.filter(self.by, blank, filename=self.script, fontsdir=fonts)

    def _at_its_time(self, fragment: Fragment, pad: Pad) -> Pad:
        # setpts rounds to its input's time base, and that of one frame a second is a second.
        fine = fragment.filter("settb", pad, expr="1/90000")
        tree = choice([f"{start / 100:g}" for start in self.starts_cs])
        return fragment.filter("setpts", fine, expr=f"({tree})/TB", rate=self.rate)


def layer_of(
    states: Sequence[State], video: VideoFormat, canvas: Canvas, by: Filter, write: Callable[[Sequence[State]], bytes]
) -> Layer | None:
    """The layer for a video of known length; None where there are too many states, or none at all.

    `write` gives the script of some states on `canvas`.
    """
    if not states or not video.duration_s:
        return None
    frames = list(_frames(states, video))
    if len(frames) > MAX_FRAMES:
        return None
    drawn = [State(100 * k, 100 * k + 100, state.cues) for k, (_, state) in enumerate(frames) if state is not None]
    return Layer(
        script=Asset("states.ass", write(drawn)),
        by=by,
        starts_cs=tuple(start for start, _ in frames),
        canvas=canvas,
        rate=Fraction(len(frames), max(1, ceil(video.duration_s))),
        matrix=video.color.space if video.color.space in _MATRICES else "",
    )


def choice(values: Sequence[str], first: int = 0) -> str:
    """An FFmpeg expression for value N of the list, as a binary tree of `if(lt(N,k),...)`."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return f"if(lt(N,{first + half}),{choice(values[:half], first)},{choice(values[half:], first + half)})"


def _frames(states: Sequence[State], video: VideoFormat) -> Iterator[tuple[int, State | None]]:
    """Every frame of the layer and when it begins; None is the empty one that ends a caption.

    A last caption that lasts as long as the video is closed by itself once more, half a frame after the video's
    last one: earlier, that frame would lose it, and later, FFmpeg would add a frame to the video.
    """
    end_cs = video_end_cs(video)
    for state, after in zip(states, [*states[1:], None], strict=True):
        yield state.start_cs, state
        if state.end_cs < end_cs and (after is None or state.end_cs < after.start_cs):
            yield state.end_cs, None
        elif after is None:
            yield end_cs, state
