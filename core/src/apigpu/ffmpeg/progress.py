"""How far an FFmpeg run is, read from what `-progress` writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report. `fraction` is 0 to 1 and never goes back; None where the duration is not known.

    `out_time_s` is how much of the output is made, `speed` that in seconds per second, `eta_s` what is left.
    """

    fraction: float | None
    frame: int
    out_time_s: float
    speed: float | None
    fps: float | None
    eta_s: float | None
    done: bool


OnProgress = Callable[[Progress], None]


class ProgressReader:
    """Turns the lines of `-progress` into reports, and knows when the run last came forward."""

    def __init__(self, duration_s: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.frame = 0
        self._duration_s = duration_s if duration_s and duration_s > 0 else None
        self._clock = clock
        self._block: dict[str, str] = {}
        self._out_time_s = 0.0
        self._size_bytes = 0.0
        self._advanced_at = clock()

    @property
    def idle_s(self) -> float:
        """Seconds since the output last grew in time, frames or bytes."""
        return self._clock() - self._advanced_at

    def feed(self, line: str) -> Progress | None:
        """Take one line; a report comes with the last line of each block."""
        key, separator, value = line.strip().partition("=")
        if not separator:
            return None
        self._block[key] = value.strip()
        return self._report(done=value.strip() == "end") if key == "progress" else None

    def _report(self, *, done: bool) -> Progress:
        block, self._block = self._block, {}
        # `out_time_ms` is in microseconds too, so the older name would do as well; both can be N/A at first.
        self._advance(
            out_time_s=(_number(block.get("out_time_us")) or 0.0) / 1e6,
            frame=int(_number(block.get("frame")) or 0),
            size_bytes=_number(block.get("total_size")) or 0.0,
        )
        speed = _number(block.get("speed", "").removesuffix("x"))
        return Progress(
            fraction=self._fraction(done=done),
            frame=self.frame,
            out_time_s=self._out_time_s,
            speed=speed,
            fps=_number(block.get("fps")),
            eta_s=self._eta(speed, done=done),
            done=done,
        )

    def _advance(self, *, out_time_s: float, frame: int, size_bytes: float) -> None:
        if out_time_s > self._out_time_s or frame > self.frame or size_bytes > self._size_bytes:
            self._advanced_at = self._clock()
        self._out_time_s = max(out_time_s, self._out_time_s)
        self.frame = max(frame, self.frame)
        self._size_bytes = max(size_bytes, self._size_bytes)

    def _fraction(self, *, done: bool) -> float | None:
        if done:
            return 1.0
        return min(self._out_time_s / self._duration_s, 1.0) if self._duration_s else None

    def _eta(self, speed: float | None, *, done: bool) -> float | None:
        if done:
            return 0.0
        if self._duration_s is None or not speed:
            return None
        return max(self._duration_s - self._out_time_s, 0.0) / speed


def _number(text: str | None) -> float | None:
    """A finite number that is not negative, or None: FFmpeg writes N/A, and negative times before the start."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0.0 <= value < 1e18 else None
