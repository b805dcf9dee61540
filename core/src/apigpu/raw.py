"""Any FFmpeg filter by name, for what the vocabulary does not have. Runs on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apigpu.formats import Domain, VideoFormat
from apigpu.graph import ANY_SYSTEM, AudioFilter, Fragment, Implementation, Pad, Value, VideoFilter

_NS_PER_PIXEL = 4.0


@dataclass(frozen=True)
class RawFilter(VideoFilter):
    """An FFmpeg video filter with one input and one output of the same size."""

    name: str
    options: tuple[tuple[str, Value], ...] = ()

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        def build(fragment: Fragment, video: Pad) -> Pad:
            return fragment.call(self.name, (video,), dict(self.options))[0]

        cost = _NS_PER_PIXEL * inputs[0].pixels_per_s
        return [Implementation(domain=Domain.SYSTEM, accepts=(ANY_SYSTEM,), build=build, cost_ns_per_s=cost)]

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True)
class RawAudioFilter(AudioFilter):
    """An FFmpeg audio filter with one input and one output of the same length."""

    name: str
    options: tuple[tuple[str, Value], ...] = ()

    def build(self, fragment: Fragment, *inputs: Pad) -> Pad:
        return fragment.call(self.name, inputs, dict(self.options))[0]

    @property
    def label(self) -> str:
        return self.name
