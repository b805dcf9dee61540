"""Frame rates and lengths, measured from the timestamps of packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

_STANDARD_RATES = tuple(
    Fraction(rate, divisor)
    for rate, divisor in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1),
        (15, 1), (12, 1), (10, 1), (20, 1), (90, 1), (100, 1), (120000, 1001), (120, 1), (240, 1),
    )
)  # fmt: skip

MAX_SANE_RATE = 480
"""Frames a second. What demuxers guess beyond it (1000, 57600, 90000) are ticks of a clock."""

_REORDER_DEPTH = 16
_CLOCK_S = 0.001
"""The coarsest clock in use, Matroska's and FLV's."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet as ffprobe prints it; times in seconds, None where it has none. `position` tells packets apart."""

    stream: int
    pts_s: float | None
    dts_s: float | None
    duration_s: float | None
    position: str = ""
    is_discarded: bool = False


@dataclass(frozen=True)
class Rate:
    """`average` frames a second, and whether the frames stand evenly."""

    average: Fraction
    is_even: bool


def frame_times(packets: Sequence[Packet], stream: int, *, is_complete: bool) -> list[float]:
    """When the frames of a stream are shown, ascending, from its first packets.

    Unless the packets are the whole stream, the last ones are left out, since frames between them may follow.
    Decoding times stand in where a container has no others: they have the same spacing.
    """
    own = [packet for packet in packets if packet.stream == stream and not packet.is_discarded]
    times = [packet.pts_s for packet in own]
    if None in times:
        times = [packet.dts_s for packet in own]
    known = sorted(time for time in times if time is not None)
    if len(known) < len(own) - 1:  # holes would look like uneven frames
        return []
    return known if is_complete else known[:-_REORDER_DEPTH]


def measure_rate(times: Sequence[float], said: Sequence[Fraction]) -> Rate | None:
    """The rate of frames shown at `times`; one that the file says, or a usual one, if it fits. None if too few."""
    measured = _rate(times)
    if not measured:
        return None
    least = _misfit(times, measured)
    if least is None:
        # Muxers of AVI and of fragmented MP4 shift the first frame, and all the others stand evenly.
        rest = measure_rate(times[2:], said) if _misfit(times[2:], _rate(times[2:])) is not None else None
        return Rate(rest.average if rest else measured, is_even=False)
    for candidates in (said, _STANDARD_RATES):
        fits = {rate: error for rate in candidates if (error := _misfit(times, rate)) is not None}
        best = min(fits, key=lambda rate: round(fits[rate], 4), default=None)
        if best is not None and fits[best] <= least + _CLOCK_S:
            return Rate(best, is_even=True)
    return Rate(measured, is_even=True)


def _rate(times: Sequence[float]) -> Fraction:
    if len(times) < 3 or times[-1] <= times[0]:
        return Fraction(0)
    return Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(10_000)


def _misfit(times: Sequence[float], rate: Fraction) -> float | None:
    """How far, in seconds, the worst frame is off an even grid; None where it is off by a quarter frame."""
    if not 0 < rate <= MAX_SANE_RATE:
        return None
    step = float(1 / rate)
    offsets = [time - times[0] - number * step for number, time in enumerate(times)]
    error = (max(offsets) - min(offsets)) / 2
    return error if error <= step / 4 else None


def stream_end_s(packets: Sequence[Packet], stream: int, *, frame_s: float) -> float | None:
    """When a stream ends. `frame_s` is the length of a video frame, 0 for sound.

    Matroska and FLV give frames a duration of one tick where the rate is unknown, hence the longer of both. MPEG
    program streams time one packet in many, and AVI only in decoding order: frames without a time of their own
    follow the last one that has it.
    """
    last_s: float | None = None
    untimed = 0
    ends: list[float] = []
    for packet in packets:
        if packet.stream != stream or packet.is_discarded:
            continue
        time_s = packet.dts_s if packet.pts_s is None else packet.pts_s
        untimed = 0 if time_s is not None else untimed + 1
        last_s = last_s if time_s is None else time_s
        if last_s is not None:
            ends.append(last_s + untimed * frame_s + max(frame_s, packet.duration_s or 0.0))
    return max(ends, default=None)
