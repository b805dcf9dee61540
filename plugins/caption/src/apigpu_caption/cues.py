"""What is read from a subtitle file: cues, and an account of everything that cannot be shown. Times in ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from apigpu_caption.input import Position


@dataclass(frozen=True)
class Span:
    """A piece of text in one appearance; `\\n` breaks the line. `colour` is #RRGGBB, or None for the style's."""

    text: str
    italic: bool = False
    bold: bool = False
    underline: bool = False
    strike: bool = False
    colour: str | None = None


@dataclass(frozen=True)
class Cue:
    """A caption and when it is shown: from `start_ms` on, gone at `end_ms`. `number` counts from 1 in the file."""

    number: int
    start_ms: int
    end_ms: int
    spans: tuple[Span, ...]
    position: Position | None = None

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)

    @property
    def label(self) -> str:
        """How warnings name it, such as `3 (0:01:02.500)`."""
        return f"{self.number} ({clock(self.start_ms)})"


@dataclass(frozen=True)
class Lost:
    """A cue, or a piece of a file, that is not shown. `reason` is a key of the tables in `notices`."""

    reason: str
    label: str


@dataclass(frozen=True)
class Reading:
    """A subtitle file as read: cues with text in the file's order, what was lost, and the labels of cues of which
    something was left out (`altered`: reason to labels)."""

    cues: tuple[Cue, ...] = ()
    lost: tuple[Lost, ...] = ()
    altered: tuple[Lost, ...] = field(default=())

    @property
    def entries(self) -> int:
        """How many cues the file holds, those that cannot be shown included."""
        return len(self.cues) + len(self.lost)


def clock(time_ms: int) -> str:
    """`H:MM:SS.mmm`, for messages."""
    sign, rest = ("-", -time_ms) if time_ms < 0 else ("", time_ms)
    seconds, thousandths = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{sign}{hour}:{minute:02d}:{second:02d}.{thousandths:03d}"


def listed(labels: Sequence[str], shown: int = 5) -> str:
    """The first few labels, and how many more there are."""
    more = len(labels) - shown
    return ", ".join(labels[:shown]) + (f" and {more} more" if more > 0 else "")
