"""`Target`: what one machine can do. Named ones are data (`presets`); the machine at hand is measured (`detect`)."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.formats import Domain

ENCODER_FEATURES = ("b_ref_mode", "temporal-aq", "rc-lookahead", "bf")
"""NVENC's options that some cards lack, in FFmpeg's names; `bf` stands for B-frames at all."""


@dataclass(frozen=True)
class Lack:
    """One thing that a machine might have and has not: `cuda`, `nvdec` or `nvenc`.

    `names` are the codecs or encoders that are meant, where the others work or fail for another cause.
    """

    what: str
    code: str
    sentence: str
    remedy: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A machine as the compiler sees it.

    `decoders` are the codecs that NVDEC decodes; `encoders` FFmpeg's encoder names in order of preference;
    `encoder_features` what of `ENCODER_FEATURES` they take, such as `h264_nvenc:b_ref_mode`. `driver` is the NVIDIA
    driver's version, empty where unknown. `usd_per_s` is the price of a second of the machine, 0 where it is
    one's own.
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
    encoder_features: frozenset[str] = frozenset()
    driver: str = ""
    lacks: tuple[Lack, ...] = ()
    """The same as `reasons`, for machines and with remedies."""

    @property
    def nvenc(self) -> tuple[str, ...]:
        """The encoders that run on the card."""
        return tuple(name for name in self.encoders if name.endswith("_nvenc"))

    @property
    def ffmpeg(self) -> str:
        """FFmpeg's version for messages, such as `ffmpeg 5.1.9`."""
        return "ffmpeg " + ".".join(str(part) for part in self.capabilities.version)
