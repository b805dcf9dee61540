"""Pictures of any mode and profile, turned upright and into 8-bit sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_TOLERANCE = 4
"""Levels of 255 that a profile may be off sRGB before it is worth a conversion."""

_PROFILED_MODES = {"RGB", "RGBA", "L", "CMYK"}


def is_srgb(image: Image.Image) -> bool:
    """True if the picture has no colour profile, or one that changes hardly anything."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in _PROFILED_MODES:
        return True
    return _is_near_srgb(profile, "RGB" if image.mode == "RGBA" else image.mode)


def to_srgb(image: Image.Image) -> Image.Image:
    """An upright copy without metadata, in mode RGB, or RGBA where the alpha channel holds something."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    plain = _eight_bits(upright)
    alpha = plain.getchannel("A") if plain.mode == "RGBA" else None
    profile = image.info.get("icc_profile")
    colors = plain.convert("RGB") if alpha is not None else plain
    if profile and colors.mode in _PROFILED_MODES and not is_srgb(image):
        colors = _converted(colors, profile)
    colors = colors.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        colors.putalpha(alpha)
    colors.info = {}
    return colors


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture in mode L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I"):  # 16 bits of grey, in one of Pillow's five ways to hold them
        return image.convert("I").point(lambda level: level * (1 / 257)).convert("L")
    if image.mode in {"LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        return image.convert("RGBA")
    return image if image.mode in _PROFILED_MODES else image.convert("RGB")


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture by its profile, or as it is where the profile is broken or of another colour space."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        found = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return found if found is not None else image


@lru_cache(maxsize=64)
def _is_near_srgb(profile: bytes, mode: str) -> bool:
    """Try the profile on a few colours; profiles of one colour space come under a hundred names."""
    from PIL import Image, ImageChops

    if mode == "CMYK":
        return False
    probe = Image.new("RGB", (6, 36))
    levels = (0, 51, 102, 153, 204, 255)
    probe.putdata([(r, g, b) for r in levels for g in levels for b in levels])
    plain = probe.convert(mode)
    found = _converted(plain, profile).convert("RGB")
    levels_off = ImageChops.difference(found, plain.convert("RGB")).convert("RGB").split()
    return not any(count for band in levels_off for count in band.histogram()[_TOLERANCE + 1 :])
