"""`Target`: what one machine can do. Named ones are data (`presets`); the machine at hand is measured (`detect`)."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.formats import Domain


@dataclass(frozen=True)
class Target:
    """A machine as the compiler sees it.

    `decoders` are the codecs that NVDEC decodes; `encoders` FFmpeg's encoder names in order of preference.
    `usd_per_s` is the price of a second of the machine, 0 where it is one's own.
    """

    name: str
    capabilities: Capabilities
    domains: frozenset[Domain] = frozenset({Domain.SYSTEM})
    decoders: frozenset[str] = frozenset()
    encoders: tuple[str, ...] = ("libx264",)
    device: str = ""
    usd_per_s: float = 0.0
    reasons: tuple[str, ...] = ()
    """Why a thing that one might expect is missing, in sentences (from detection)."""

    @property
    def ffmpeg(self) -> str:
        """FFmpeg's version for messages, such as `ffmpeg 5.1.9`."""
        return "ffmpeg " + ".".join(str(part) for part in self.capabilities.version)
