"""The concrete graph: the calls of FFmpeg filters that a command line is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from apigpu.media.facts import MediaFile


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
