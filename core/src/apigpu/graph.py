"""The graph an operation builds, and the vocabulary in which a filter says how FFmpeg can run it.

Two levels. The *logical* graph is what operations build: `Node`s hold a source or a filter, and streams
(in `apigpu.streams`) are their results. The *concrete* graph is what FFmpeg gets: calls of FFmpeg filters (in
`apigpu.calls`). A logical filter turns into calls through its `Implementation`s, one or more per memory domain.
What a domain lacks is an absent implementation, not an `if`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from apigpu.calls import Asset, AssetFolder, Call, FileInput, Fragment, Pad, Value
from apigpu.formats import AudioFormat, Domain, VideoFormat
from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts

__all__ = [
    "ANY_CUDA",
    "ANY_SYSTEM",
    "Asset",
    "AssetFolder",
    "AudioFilter",
    "AudioSource",
    "Call",
    "FileInput",
    "Format",
    "Fragment",
    "ImageSource",
    "Implementation",
    "Node",
    "Operator",
    "Pad",
    "Source",
    "Value",
    "VideoFilter",
    "VideoSource",
    "Window",
    "rebuilt",
    "walk",
]

ANY_SYSTEM = (
    "yuv420p",
    "yuvj420p",
    "yuva420p",
    "yuv422p",
    "yuvj422p",
    "yuv444p",
    "yuvj444p",
    "yuva444p",
    "yuv420p10le",
    "yuv422p10le",
    "gray",
    "rgb24",
    "rgba",
    "gbrp",
)
"""Planar and packed formats that nearly every CPU filter takes, directly or through FFmpeg's own conversion."""

ANY_CUDA = ("nv12", "yuv420p", "yuva420p", "p010le", "yuv444p")
"""Formats of CUDA frames that domain-transparent filters may see."""


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """One way to run a logical filter: in which memory, from and to which pixel formats, at what cost.

    `accepts` lists, per input pad, the pixel formats that the first call really takes there (best first).
    `produces` is the pixel format that comes out; empty means that of the first input, unchanged.
    `build` writes the calls: `build(fragment, *pads)` returns the output pad. `cost_ns_per_s` is the machine
    time in nanoseconds that a second of media costs: CPU time counts whole, GPU time a tenth.
    """

    domain: Domain
    build: Callable[..., Pad]
    accepts: tuple[tuple[str, ...], ...] = ()
    produces: str = ""
    cost_ns_per_s: float = 0.0


@dataclass(frozen=True)
class Window:
    """A stretch of a stream's own time line, in seconds; `end_s` is not included."""

    start_s: float
    end_s: float

    def shifted(self, by_s: float) -> Window:
        return Window(self.start_s + by_s, self.end_s + by_s)


class VideoFilter:
    """Base of logical video filters: frozen dataclasses whose fields say what is wanted, not how.

    A plugin brings its own by subclassing: say the format that comes out, and give the implementations.
    """

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        """The format of the result. Raises InputError where the inputs cannot be served."""
        return inputs[0]

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        """The ways to run this filter, preferred first; the compiler takes the cheapest that the target has."""
        raise NotImplementedError

    def cut(self, window: Window, *inputs: VideoFormat) -> tuple[Self, tuple[Window | None, ...]]:
        """This filter reduced to the frames of `window`, and what it then needs of each input (None: nothing).

        Frames keep the time stamps that they have in the whole stream. The default suits every filter that
        treats each frame for itself.
        """
        return self, (window,) * len(inputs)

    @property
    def label(self) -> str:
        """What pictures of the graph show."""
        return type(self).__name__.lower()


class AudioFilter:
    """Base of logical audio filters. Sound always lives in system memory, so there is one way to run each."""

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return inputs[0]

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        raise NotImplementedError

    @property
    def label(self) -> str:
        return type(self).__name__.lower()


@dataclass(frozen=True)
class VideoSource:
    """A video stream of a file. Its time line begins at its first frame.

    `start_s` skips to a later moment without decoding what is before; time stamps stay as they are.
    """

    file: MediaFile
    stream: VideoFacts
    start_s: float = 0.0

    @property
    def label(self) -> str:
        return f"decode {self.stream.codec}"


@dataclass(frozen=True)
class AudioSource:
    """An audio stream of a file. Its time line begins at `zero_s` of the file's own clock, which is the first
    frame of the picture for the sound of a video; None stands for its own first sample."""

    file: MediaFile
    stream: AudioFacts
    zero_s: float | None = None

    @property
    def label(self) -> str:
        return f"decode {self.stream.codec}"


@dataclass(frozen=True)
class ImageSource:
    """A still: a stream of exactly one frame at time 0, as stored, not yet turned upright."""

    file: MediaFile

    @property
    def label(self) -> str:
        return "decode image"


Source = VideoSource | AudioSource | ImageSource
Operator = Source | VideoFilter | AudioFilter
Format = VideoFormat | AudioFormat


@dataclass(frozen=True, eq=False)
class Node:
    """One step of the logical graph: what is done, to which results, and the format that comes out."""

    operator: Operator
    inputs: tuple[Node, ...]
    format: Format
    owner: str = ""
    """The operation that asked for it, for messages."""

    @property
    def is_video(self) -> bool:
        return isinstance(self.format, VideoFormat)

    def video_inputs(self) -> tuple[VideoFormat, ...]:
        return tuple(node.format for node in self.inputs if isinstance(node.format, VideoFormat))


def walk(roots: Sequence[Node]) -> Iterator[Node]:
    """Every node under `roots`, each once, inputs before users, in a fixed order."""
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, done = stack.pop()
        if done:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.inputs))


def rebuilt(node: Node, operator: Operator, inputs: tuple[Node, ...]) -> Node:
    """The same step over other inputs, with its format worked out anew where a filter knows how."""
    if isinstance(operator, VideoFilter):
        videos = tuple(item.format for item in inputs if isinstance(item.format, VideoFormat))
        return replace(node, operator=operator, inputs=inputs, format=operator.output(*videos))
    return replace(node, operator=operator, inputs=inputs)
