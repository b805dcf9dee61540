"""How loud sound is: volume, fades, limiting and mixing. Gains in decibels, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apigpu.filters.audio import Resample, agreeing
from apigpu.formats import AudioFormat
from apigpu.graph import AudioFilter, Fragment, Pad
from apigpu.streams import AudioStream

CEILING = 0.97
"""Peak that limited sound keeps to; AAC overshoots a little, and the rest is for that."""


@dataclass(frozen=True)
class FadeIn(AudioFilter):
    """The sound rising from silence during `duration_s` from `start_s` on."""

    start_s: float
    duration_s: float

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("afade", *inputs, type="in", start_time=self.start_s, duration=self.duration_s)


@dataclass(frozen=True)
class FadeOut(AudioFilter):
    """The sound falling to silence during `duration_s` from `start_s` on, and silent afterwards."""

    start_s: float
    duration_s: float

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("afade", *inputs, type="out", start_time=self.start_s, duration=self.duration_s)


@dataclass(frozen=True)
class Volume(AudioFilter):
    """The sound louder by `gain_db`, or softer where it is below 0. Limit what is made louder."""

    gain_db: float

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.filter("volume", *inputs, volume=f"{self.gain_db:g}dB")


@dataclass(frozen=True)
class Limit(AudioFilter):
    """Peaks above `CEILING` turned down smoothly. Softer sound passes unchanged, and nothing is shifted."""

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        # Left alone, alimiter turns everything up to full level and delays it by its attack of 5 ms.
        return fragment.filter("alimiter", *inputs, limit=CEILING, level=0, latency=1)


@dataclass(frozen=True)
class Mix(AudioFilter):
    """The sum of its inputs at the levels they have, as long as the longest, limited so that it cannot clip.

    The inputs must agree in rate and channels; `mix` sees to that.
    """

    def output(self, *inputs: AudioFormat) -> AudioFormat:
        return replace(agreeing(inputs), duration_s=max(item.duration_s for item in inputs))

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        # By default amix halves both, and turns one up again when the other ends.
        total = fragment.filter(
            "amix", *inputs, inputs=len(inputs), duration="longest", normalize=0, dropout_transition=0
        )
        return Limit().build(fragment, total)


def mix(*sounds: AudioStream) -> AudioStream:
    """Their sum at the levels they have, in the highest of their rates and with the most of their channels."""
    rate = max(sound.format.sample_rate_hz for sound in sounds)
    channels = max(sound.format.channels for sound in sounds)
    alike = [sound.apply(Resample(rate, channels)) for sound in sounds]
    return alike[0].apply(Mix(), *alike[1:]) if len(alike) > 1 else alike[0]
