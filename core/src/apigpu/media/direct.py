"""Which stills FFmpeg 5.1 to 9 decode to the right pixels, and to which format. Tried against Pillow's pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apigpu.media.facts import Color
from apigpu.media.srgb import is_srgb
from apigpu.media.structure import png_outline, webp_chunks

if TYPE_CHECKING:
    from PIL import Image

_JPEG_PIX_FMTS: dict[tuple[tuple[int, int], ...], str] = {
    ((1, 1), (1, 1), (1, 1)): "yuvj444p",
    ((2, 1), (1, 1), (1, 1)): "yuvj422p",
    ((2, 2), (1, 1), (1, 1)): "yuvj420p",
}
"""By the sampling factors of the components. FFmpeg names others too, which few filters take."""

PNG_PIX_FMTS = {"L": "gray", "RGB": "rgb24", "RGBA": "rgba"}

RGB = Color(range="pc", space="gbr")
_JPEG_YUV = Color(range="pc", space="bt470bg")
_WEBP_YUV = Color(range="tv", space="bt470bg")


@dataclass(frozen=True)
class Direct:
    """How FFmpeg reads a file as it is."""

    demuxer: str
    codec: str
    pix_fmt: str
    color: Color


def direct(image: Image.Image, path: Path) -> Direct | None:
    """What FFmpeg 5.1 to 9 make of the file as it is; None where they are wrong, or the format is unusual."""
    if not _has_square_pixels(image) or not is_srgb(image):
        return None
    match image.format:
        case "JPEG":
            return _direct_jpeg(image)
        case "PNG":
            return _direct_png(image, path)
        case "WEBP":
            return _direct_webp(image, path)
        case "BMP" if image.mode == "RGB" and _read(path, 34)[28:] == b"\x18\x00\x00\x00\x00\x00":
            return Direct("bmp_pipe", "bmp", "bgr24", RGB)  # 24 bits, not compressed
        case _:
            return None


def _direct_jpeg(image: Image.Image) -> Direct | None:
    layers = getattr(image, "layer", ())
    if image.mode == "L":
        pix_fmt: str | None = "gray"
    elif image.mode == "RGB" and not _is_rgb_jpeg(image):
        pix_fmt = _JPEG_PIX_FMTS.get(tuple((layer[1], layer[2]) for layer in layers))
    else:
        pix_fmt = None
    return Direct("jpeg_pipe", "mjpeg", pix_fmt, _JPEG_YUV) if pix_fmt else None


def _is_rgb_jpeg(image: Image.Image) -> bool:
    """True for JPEGs whose components are red, green and blue, by Adobe's mark or by their names."""
    names = [layer[0] for layer in getattr(image, "layer", ())]
    return image.info.get("adobe_transform") == 0 or names == [82, 71, 66]


def _direct_png(image: Image.Image, path: Path) -> Direct | None:
    pix_fmt = PNG_PIX_FMTS.get(image.mode)
    is_plain = _read(path, 25)[24:] == b"\x08" and not png_outline(path).chunks & {b"tRNS", b"acTL"}
    return Direct("png_pipe", "png", pix_fmt, RGB) if pix_fmt and is_plain else None


def _direct_webp(image: Image.Image, path: Path) -> Direct | None:
    """Lossless WebP comes out of FFmpeg as argb, opaque or not; lossy opaque WebP as 4:2:0."""
    if image.mode != "RGB" or b"VP8 " not in webp_chunks(path):
        return None
    return Direct("webp_pipe", "webp", "yuv420p", _WEBP_YUV)


def _has_square_pixels(image: Image.Image) -> bool:
    """FFmpeg takes the pixel density of JPEG and PNG for a pixel shape; no viewer does."""
    for name in ("jfif_density", "dpi", "aspect"):
        density = image.info.get(name)
        if isinstance(density, tuple) and len(density) == 2 and density[0] != density[1]:
            return False
    return True


def _read(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)
