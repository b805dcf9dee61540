"""What file is wanted, checked before any work is done."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu.compiler.containers import CONTAINERS
from apigpu.compiler.encoders import CODECS
from apigpu.compiler.quality import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY
from apigpu.errors import InputError


@dataclass(frozen=True)
class OutputSpec:
    """A container of `apigpu.compiler.containers`, or `png` for a single frame, and how it is filled.

    `codec` None copies a picture that nothing is done to, whatever its codec, and makes H.264 of any other; a named
    one copies only a picture that has it. `quality` is 1 to 100, higher is better; a copied picture keeps its own.

    Raises:
        InputError: There is no such codec or quality, or the container does not take the codec.
    """

    container: str = "mp4"
    codec: str | None = None
    quality: int = DEFAULT_QUALITY

    def __post_init__(self) -> None:
        _check_quality(self.quality)
        if self.codec is not None:
            _check_codec(self.codec, self.container)

    @property
    def encoded_as(self) -> str:
        """The codec of a picture that is encoded."""
        return "png" if self.container == "png" else self.codec or CODECS[0]


def _check_quality(quality: int) -> None:
    if not MIN_QUALITY <= quality <= MAX_QUALITY:
        raise InputError(
            f"a quality lies from {MIN_QUALITY} to {MAX_QUALITY}, not at {quality}.",
            code="invalid_quality",
            where="quality",
            remedy=f"Higher is better; {DEFAULT_QUALITY} is the default.",
        )


def _check_codec(codec: str, container: str) -> None:
    if codec not in CODECS:
        raise InputError(
            f"there is no encoder of {codec!r}.",
            code="unknown_codec",
            where="codec",
            remedy=f"Choose one of {', '.join(CODECS)}.",
        )
    takers = [name for name, item in CONTAINERS.items() if codec in item.copies_video]
    if container in CONTAINERS and container not in takers:
        raise InputError(
            f"{container} takes no {codec}.",
            code="codec_not_in_container",
            where="codec",
            remedy=f"Write {' or '.join(takers)}, or choose another codec.",
        )
