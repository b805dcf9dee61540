"""The vocabulary of sound filters that every plugin may use: place, length and rate. Times in seconds.

Sound that comes from a file may begin before or after time 0 and have holes: apply `Align` first, and everything
after it counts samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apigpu.errors import InputError, PluginError
from apigpu.formats import AudioFormat
from apigpu.graph import AudioFilter, Fragment, Pad

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""FFmpeg's usual channel layout for each number of channels."""

MAX_LOOP_S = 1800.0
"""Longest sound that may be repeated. FFmpeg keeps it decoded in memory: 690 MB for 30 min of 48 kHz stereo."""


@dataclass(frozen=True)
class Align(AudioFilter):
    """The sound in its place from time 0 on: what lies before is cut off, holes are filled with silence.

    Holes within the sound count from 0.1 s; its beginning is exact to the sample.
    """

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("aresample", *inputs, async_=1, first_pts=0)


@dataclass(frozen=True)
class Resample(AudioFilter):
    """Sound of `sample_rate_hz` and `channels` (1 to 8), in FFmpeg's usual layout for that number."""

    sample_rate_hz: int
    channels: int

    def __post_init__(self) -> None:
        _layout(self.channels)

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return replace(
            inputs[0],
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            layout=_layout(self.channels),
        )

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        layout = _layout(self.channels)
        return fragment.filter("aformat", *inputs, sample_rates=self.sample_rate_hz, channel_layouts=layout)


@dataclass(frozen=True)
class PadTo(AudioFilter):
    """Silence added to sound that is shorter than `duration_s`."""

    duration_s: float

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return replace(inputs[0], duration_s=max(self.duration_s, inputs[0].duration_s))

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("apad", *inputs, whole_dur=self.duration_s)


@dataclass(frozen=True)
class TrimTo(AudioFilter):
    """What comes after `duration_s` (> 0) cut off, to the sample."""

    duration_s: float

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        if self.duration_s <= 0:
            raise InputError(f"a sound of {self.duration_s:g} s would be empty.", code="empty_range")
        return replace(inputs[0], duration_s=min(self.duration_s, inputs[0].duration_s))

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("atrim", *inputs, end=self.duration_s)


@dataclass(frozen=True)
class Loop(AudioFilter):
    """The first `period_s` repeated without a gap until the sound lasts `duration_s`.

    Raises InputError, from `output`, for a period that is empty or longer than `MAX_LOOP_S`.
    """

    period_s: float
    duration_s: float

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        if self.period_s * inputs[0].sample_rate_hz < 1:
            raise InputError("the sound is empty, so it cannot be repeated.", code="empty_sound")
        if self.period_s > MAX_LOOP_S:
            raise InputError(
                f"the sound of {self.period_s:.0f} s is too long to be repeated; the limit is {MAX_LOOP_S:.0f} s.",
                code="loop_too_long",
                remedy="Pad it with silence, or send a sound that is as long as it is needed.",
            )
        return replace(inputs[0], duration_s=self.duration_s)

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        # The decoder may give a tail that the container hides (18 ms for AAC in mp4): cut it before repeating.
        # `size` is only an upper bound; aloop keeps what there is, and MAX_LOOP_S bounds that.
        period = fragment.filter("atrim", *inputs, end=self.period_s)
        endless = fragment.filter("aloop", period, loop=-1, size=2**31 - 1)
        return fragment.filter("atrim", endless, end=self.duration_s)


@dataclass(frozen=True)
class Delay(AudioFilter):
    """The sound begun `delay_s` later, after silence."""

    delay_s: float

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return replace(inputs[0], duration_s=inputs[0].duration_s + self.delay_s)

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("adelay", *inputs, delays=f"{self.delay_s * 1000:.3f}", all=1)


@dataclass(frozen=True)
class AudioConcat(AudioFilter):
    """Its inputs, one after the other. They must agree in rate and channels."""

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return replace(agreeing(inputs), duration_s=sum(item.duration_s for item in inputs))

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("concat", *inputs, n=len(inputs), v=0, a=1) if len(inputs) > 1 else inputs[0]


@dataclass(frozen=True)
class Silence(AudioFilter):
    """`duration_s` of silence; a filter without inputs, for `apigpu.streams.audio_node`."""

    duration_s: float
    sample_rate_hz: int = 48000
    channels: int = 2

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return AudioFormat(
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            duration_s=self.duration_s,
            layout=_layout(self.channels),
        )

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.source("anullsrc", r=self.sample_rate_hz, cl=_layout(self.channels), d=self.duration_s)


def agreeing(inputs: Sequence[AudioFormat]) -> AudioFormat:
    """The first of the formats. Raises PluginError where they differ in rate or channels."""
    first = inputs[0]
    if any((item.sample_rate_hz, item.channels) != (first.sample_rate_hz, first.channels) for item in inputs):
        raise PluginError("sounds to be joined or mixed differ in rate or channels.", remedy="Resample them first.")
    return first


def _layout(channels: int) -> str:
    if channels not in LAYOUTS:
        raise InputError(f"sound with {channels} channels cannot be made.", code="channels", remedy="Use 1 to 8.")
    return LAYOUTS[channels]
