"""The graph an operation builds, and the vocabulary in which a filter says how FFmpeg can run it.

Two levels. The *logical* graph is what operations build: `Node`s hold a source or a filter, and streams
(in `apigpu.streams`) are their results. The *concrete* graph is what FFmpeg gets: `Call`s of FFmpeg filters.
A logical filter turns into calls through its `Implementation`s, one or more per memory domain. What a domain
lacks is an absent implementation, not an `if`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

from apigpu.formats import AudioFormat, Domain, VideoFormat
from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts

# ---------------------------------------------------------------------------------------------- concrete graph


@dataclass(frozen=True)
class Asset:
    """A small file that FFmpeg must read, such as an ASS script: content in, path decided by the runner.

    `name` is the wish for a file name (`captions.ass`); only its letters, digits, dots and dashes are used.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class AssetFolder:
    """A folder of assets, such as the fonts for libass."""

    name: str
    files: tuple[Asset, ...]


Value = str | int | float | bool | Fraction | Asset | AssetFolder
"""What a filter option may be. Booleans become 1 and 0, fractions `a/b`, assets their path."""


@dataclass(frozen=True, eq=False)
class Call:
    """One FFmpeg filter in the graph that is emitted. Compared by identity: equal calls are two filters."""

    name: str
    inputs: tuple[Pad, ...]
    options: tuple[tuple[str, Value], ...] = ()
    outputs: int = 1
    rate: Fraction | None = None
    """Frames a second on its outputs, where the filter's options alone do not tell (after `setpts`, say)."""
    owner: str = ""
    """The operation or logical filter it came from, for messages."""
    scope: str = ""
    """The piece of the graph it belongs to; see `Fragment`."""
    step: str = ""
    """The label of the logical filter that wrote it."""


@dataclass(frozen=True, eq=False)
class FileInput:
    """One `-i` of the command line. `options` stand before it, without their dash."""

    file: MediaFile
    options: tuple[tuple[str, str], ...] = ()
    zero_s: float | None = None
    """The moment of the file's own clock that becomes time 0; None where the options see to that."""


@dataclass(frozen=True)
class Pad:
    """One output of a call, or one stream of an input file (`index` is then FFmpeg's stream number)."""

    origin: Call | FileInput
    index: int = 0


@dataclass(frozen=True)
class Fragment:
    """Where an implementation writes its piece of the concrete graph."""

    scope: str
    """A word that no other filter of this graph has; see `unique`."""
    owner: str = ""
    step: str = ""

    def filter(
        self, name: str, *inputs: Pad, rate: Fraction | None = None, instance: str = "", **options: Value
    ) -> Pad:
        """The output of an FFmpeg filter fed with `inputs`.

        `instance` names the filter for `sendcmd` (`crop@a`); pass what `unique` gave. An option whose name
        clashes with Python or with these parameters takes a trailing underscore (`in_`, `rate_`).
        """
        return self.call(name, inputs, options, rate=rate, instance=instance)[0]

    def call(
        self,
        name: str,
        inputs: Sequence[Pad],
        options: Mapping[str, Value],
        *,
        outputs: int = 1,
        rate: Fraction | None = None,
        instance: str = "",
    ) -> tuple[Pad, ...]:
        """All outputs of an FFmpeg filter; the long form of `filter`."""
        full = f"{name}@{instance}" if instance else name
        given = tuple((key.rstrip("_"), value) for key, value in options.items())
        made = Call(full, tuple(inputs), given, outputs, rate, self.owner, self.scope, self.step)
        return tuple(Pad(made, index) for index in range(outputs))

    def source(self, name: str, *, rate: Fraction | None = None, **options: Value) -> Pad:
        """The output of an FFmpeg source filter, such as `color`."""
        return self.call(name, (), options, rate=rate)[0]

    def unique(self, name: str) -> str:
        """`name` made unique in the whole graph, for filter instances that a command file addresses."""
        return f"{self.scope}{name}"


# ------------------------------------------------------------------------------------------- implementations

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


# ---------------------------------------------------------------------------------------------- logical graph


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
