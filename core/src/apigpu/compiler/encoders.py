"""The encoders that the compiler may choose, as data: what they take from which memory, and how they are set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apigpu.errors import UnsupportedError
from apigpu.formats import Domain, Home, VideoFormat
from apigpu.targets.target import Target


@dataclass(frozen=True)
class Encoder:
    """One FFmpeg video encoder.

    `accepts` lists the homes it takes frames from, best first. Sides in pixels; NVENC refuses pictures below
    about 145x49. `ns_per_pixel` is its cost, GPU time at a tenth.
    """

    name: str
    codec: str
    accepts: tuple[Home, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    min_side: tuple[int, int] = (2, 2)
    max_side: int = 16384
    ns_per_pixel: float = 10.0

    def takes(self, picture: VideoFormat) -> bool:
        """True where a picture of this size can be encoded."""
        smallest = picture.width >= self.min_side[0] and picture.height >= self.min_side[1]
        return smallest and max(picture.width, picture.height) <= self.max_side


def _homes(domain: Domain, *pix_fmts: str) -> tuple[Home, ...]:
    return tuple(Home(domain, name) for name in pix_fmts)


_SYSTEM_420 = _homes(Domain.SYSTEM, "yuv420p")
_NVENC_420 = _homes(Domain.CUDA, "nv12", "yuv420p") + _homes(Domain.SYSTEM, "yuv420p", "nv12")
# `-b:v 0` is essential beside -cq: NVENC's default of 2 Mbit/s would cap the quality.
_NVENC = {"preset": "p5", "tune": "hq", "rc": "vbr", "b:v": "0", "spatial-aq": "1"}

ENCODERS: Mapping[str, Encoder] = {
    encoder.name: encoder
    for encoder in (
        Encoder(
            "h264_nvenc",
            "h264",
            _NVENC_420,
            {**_NVENC, "cq": "21", "profile:v": "high"},
            min_side=(146, 50),
            max_side=4096,
            ns_per_pixel=0.2,
        ),
        Encoder("libx264", "h264", _SYSTEM_420, {"preset": "veryfast", "crf": "20"}, ns_per_pixel=10.0),
        Encoder("png", "png", _homes(Domain.SYSTEM, "rgb24")),
    )
}


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
        remedy="Choose a smaller picture or another target.",
    )
