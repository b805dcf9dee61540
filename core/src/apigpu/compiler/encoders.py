"""The encoders that the compiler may choose, as data: what they take from which memory, and how they are set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apigpu.compiler.quality import DEFAULT_QUALITY, told
from apigpu.errors import UnsupportedError
from apigpu.formats import Domain, Home, VideoFormat
from apigpu.targets.target import Target


@dataclass(frozen=True)
class Encoder:
    """One FFmpeg video encoder.

    `accepts` lists the homes it takes frames from, best first. Sides in pixels; NVENC refuses pictures below
    about 145x49. `optional` are options by the word of `ENCODER_FEATURES` that the card must have for them.
    `ns_per_pixel` is its cost, GPU time at a tenth.
    """

    name: str
    codec: str
    accepts: tuple[Home, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    min_side: tuple[int, int] = (2, 2)
    max_side: int = 16384
    ns_per_pixel: float = 10.0

    def takes(self, picture: VideoFormat) -> bool:
        """True where a picture of this size can be encoded."""
        smallest = picture.width >= self.min_side[0] and picture.height >= self.min_side[1]
        return smallest and max(picture.width, picture.height) <= self.max_side

    def options_on(self, target: Target, quality: int = DEFAULT_QUALITY) -> dict[str, str]:
        """What this encoder is told on this target, in FFmpeg's words; options that the card lacks are left out."""
        options = {**self.options, **told(self.name, quality)}
        for feature, more in self.optional.items():
            if f"{self.name}:{feature}" in target.encoder_features:
                options |= more
        return options


def _homes(domain: Domain, *pix_fmts: str) -> tuple[Home, ...]:
    return tuple(Home(domain, name) for name in pix_fmts)


_SYSTEM_420 = _homes(Domain.SYSTEM, "yuv420p")
_NVENC_420 = _homes(Domain.CUDA, "nv12", "yuv420p") + _homes(Domain.SYSTEM, "yuv420p", "nv12")
_NVENC_MIN_SIDE = (146, 50)
# `-b:v 0` is essential beside -cq: NVENC's default of 2 Mbit/s would cap the quality.
_NVENC = {"preset": "p5", "tune": "hq", "rc": "vbr", "b:v": "0", "spatial-aq": "1"}
# One of these on a card without it, and the encoder does not open at all.
_NVENC_OPTIONAL = {
    "bf": {"bf": "3"},
    "b_ref_mode": {"b_ref_mode": "middle"},
    "rc-lookahead": {"rc-lookahead": "20"},
    "temporal-aq": {"temporal-aq": "1"},
}


def _nvenc(name: str, codec: str, max_side: int, **more: str) -> Encoder:
    return Encoder(
        name, codec, _NVENC_420, _NVENC | more, _NVENC_OPTIONAL, _NVENC_MIN_SIDE, max_side, ns_per_pixel=0.2
    )


ENCODERS: Mapping[str, Encoder] = {
    encoder.name: encoder
    for encoder in (
        _nvenc("h264_nvenc", "h264", 4096, **{"profile:v": "high"}),
        _nvenc("hevc_nvenc", "hevc", 8192, **{"profile:v": "main"}),
        _nvenc("av1_nvenc", "av1", 8192),
        Encoder("libx264", "h264", _SYSTEM_420, {"preset": "veryfast"}, ns_per_pixel=10.0),
        # x265 prints its own log past FFmpeg's log level.
        Encoder(
            "libx265",
            "hevc",
            _SYSTEM_420,
            {"preset": "veryfast", "x265-params": "log-level=error"},
            min_side=(16, 16),
            ns_per_pixel=25.0,
        ),
        # SVT-AV1 of Debian 12 refuses smaller pictures.
        Encoder(
            "libsvtav1", "av1", _SYSTEM_420, {"preset": "8"}, min_side=(64, 64), max_side=8192, ns_per_pixel=28.0
        ),
        Encoder("png", "png", _homes(Domain.SYSTEM, "rgb24")),
    )
}
CODECS = tuple(dict.fromkeys(encoder.codec for encoder in ENCODERS.values() if encoder.codec != "png"))
"""The codecs that can be asked for; the first is the default."""


def choose_encoder(codec: str, picture: VideoFormat, target: Target) -> Encoder:
    """The first encoder of the target's preference that makes `codec` from this picture.

    Raises UnsupportedError where there is none.
    """
    if codec == "png":
        return ENCODERS["png"]
    for name in target.encoders:
        encoder = ENCODERS.get(name)
        if encoder is not None and encoder.codec == codec and encoder.takes(picture):
            return encoder
    raise UnsupportedError(
        f"no encoder of {target.name} makes {codec} at {picture.width}x{picture.height}; "
        f"it has {', '.join(target.encoders) or 'none'}.",
        code="no_encoder",
        remedy="Choose another codec, another size or another target.",
    )
