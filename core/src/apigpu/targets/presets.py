"""Named targets: what a dry run without the hardware assumes of a card, in one table.

NVENC is absent from A100, H100, H200 and B200 class cards; that is a normal target, not an error. Prices are
RunPod's serverless prices a second of August 2026, for estimates only.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from apigpu.errors import InputError
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.formats import Domain
from apigpu.targets.target import ENCODER_FEATURES, Target

NVDEC_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "mjpeg"})
_NVENC = ("h264_nvenc", "hevc_nvenc")
_SOFTWARE = ("libx264", "libx265", "libsvtav1")


@dataclass(frozen=True)
class _Card:
    device: str
    decodes_av1: bool
    nvenc: tuple[str, ...]
    usd_per_s: float


_CARDS = {
    "t4": _Card("NVIDIA T4", False, _NVENC, 0.00016),
    "l4": _Card("NVIDIA L4", True, (*_NVENC, "av1_nvenc"), 0.00019),
    "rtx4090": _Card("NVIDIA GeForce RTX 4090", True, (*_NVENC, "av1_nvenc"), 0.00031),
    "a100": _Card("NVIDIA A100", False, (), 0.00076),
    "h100": _Card("NVIDIA H100", True, (), 0.00116),
}

TARGET_NAMES = ("cpu", *_CARDS)
"""The targets that can be named without having the machine."""


def named_target(name: str, capabilities: Capabilities) -> Target:
    """The target of that name, with the FFmpeg at hand. Raises InputError that lists the names."""
    if name == "cpu":
        return Target("cpu", capabilities, encoders=present(_SOFTWARE, capabilities), device="CPU")
    card = _CARDS.get(name)
    if card is None:
        near = difflib.get_close_matches(name, TARGET_NAMES, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"there is no target {name!r}.",
            code="unknown_target",
            where="target",
            remedy=f"{hint}There are: auto, cuda, {', '.join(TARGET_NAMES)}.",
        )
    return Target(
        name,
        capabilities,
        domains=frozenset({Domain.SYSTEM, Domain.CUDA}),
        # Every card of the table is a Turing or newer, and so takes every option.
        encoder_features=frozenset(f"{encoder}:{feature}" for encoder in card.nvenc for feature in ENCODER_FEATURES),
        decoders=NVDEC_CODECS | {"av1"} if card.decodes_av1 else NVDEC_CODECS,
        encoders=present((*card.nvenc, *_SOFTWARE), capabilities),
        device=card.device,
        usd_per_s=card.usd_per_s,
    )


def present(encoders: tuple[str, ...], capabilities: Capabilities) -> tuple[str, ...]:
    return tuple(name for name in encoders if name in capabilities.encoders)
