"""Stills: what FFmpeg reads right is left alone, everything else becomes an upright sRGB PNG."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from apigpu.errors import InputError, SetupError
from apigpu.media.direct import PNG_PIX_FMTS, RGB, Direct, direct
from apigpu.media.facts import ImageFacts, MediaFile
from apigpu.media.limits import Limits
from apigpu.media.sniff import Sniffed
from apigpu.media.srgb import to_srgb
from apigpu.media.structure import container_is_whole, jpeg_is_whole, png_outline

if TYPE_CHECKING:
    from PIL import Image

_EXIF_ORIENTATION = 0x0112

_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "WEBP": "WebPImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "PPM": "PpmImagePlugin",
}


def read_still(path: Path, seen: Sniffed, *, workdir: Path, limits: Limits) -> MediaFile:
    """The facts of a still, which may be a PNG written to `workdir`. Blocks: decoding a photo takes a second.

    Raises:
        InputError: too large (`too_large`), cut off (`truncated`), damaged (`damaged`), or of a format that
            cannot be read here (`unsupported_image`).
        SetupError: `workdir` cannot be written.
    """
    _silence_pillow()
    with path.open("rb") as file:
        image = _open(file, path, seen)
        limits.check_still(*image.size)
        _check_whole(path, seen)
        pages = _pages(image)
        readable = direct(image, path) if pages == 1 else None
        if readable is not None:
            return _as_it_is(image, path, seen, readable)
        return _prepared(image, path, seen, pages, workdir)


def _silence_pillow() -> None:
    # Pillow warns of odd metadata, which is no news to anybody here. catch_warnings is not for threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _open(file: BinaryIO, path: Path, seen: Sniffed) -> Image.Image:
    """Read the header. Pillow's own limit is passed by: it warns or raises before ours can say a number."""
    try:
        factory = _factory(seen.format)
    except ImportError as error:
        raise _unsupported(seen, "Install the extra: pip install 'apigpu-core[heif]'.") from error
    if factory is None:
        raise _unsupported(seen, "Convert it to JPEG or PNG.")
    try:
        image: Image.Image = factory(file, str(path))
    except Exception as error:  # the plugins raise anything at all on broken files
        raise _damaged(seen, error) from error
    return image


def _factory(pillow_format: str) -> Any:
    if pillow_format == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    elif pillow_format == "JPEG":
        # Not the registered opener, which takes a photo with an HDR gain map for one of several pages.
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile
    elif pillow_format in _PLUGINS:
        __import__(f"PIL.{_PLUGINS[pillow_format]}")
    else:
        return None
    from PIL import Image

    return Image.OPEN[pillow_format][0]


def _check_whole(path: Path, seen: Sniffed) -> None:
    """FFmpeg shows the missing part of a picture in grey or black, and says nothing."""
    is_whole = {"JPEG": jpeg_is_whole, "WEBP": container_is_whole}.get(seen.format)
    if is_whole is not None and not is_whole(path):
        raise _truncated(seen)
    if seen.format == "PNG" and not png_outline(path).is_whole:
        raise _truncated(seen)
    if seen.format == "BMP" and path.stat().st_size < _bmp_bytes(path):
        raise _truncated(seen)


def _bmp_bytes(path: Path) -> int:
    """The size that the header of a BMP claims."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(6)[2:6], "little")


def _pages(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # counting walks the whole file, and may trip over its end
        return 1


def _as_it_is(image: Image.Image, path: Path, seen: Sniffed, readable: Direct) -> MediaFile:
    facts = ImageFacts(
        width=image.width,
        height=image.height,
        pix_fmt=readable.pix_fmt,
        codec=readable.codec,
        orientation=_orientation(image, path, seen),
        has_alpha=readable.pix_fmt == "rgba",
        original_format=seen.format,
        color=readable.color,
    )
    return MediaFile(path=str(path), format=readable.demuxer, size_bytes=path.stat().st_size, image=facts)


def _orientation(image: Image.Image, path: Path, seen: Sniffed) -> int:
    """EXIF's number, 1 where there is none or a wrong one."""
    from PIL import Image

    try:
        if seen.format == "PNG":  # Pillow would decode the picture to look for a late eXIf chunk
            exif = Image.Exif()
            exif.load(png_outline(path).exif)
        else:
            exif = image.getexif()
        number = exif.get(_EXIF_ORIENTATION, 1)
    except Exception:  # broken metadata is no reason to refuse a picture
        return 1
    return number if isinstance(number, int) and 1 <= number <= 8 else 1


def _prepared(image: Image.Image, path: Path, seen: Sniffed, pages: int, workdir: Path) -> MediaFile:
    try:
        image.load()
        upright = to_srgb(image)
    except MemoryError:
        raise
    except Exception as error:  # the plugins raise anything at all on broken files
        raise _damaged(seen, error) from error
    target = workdir / f"still-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.png"
    _write(upright, target)
    facts = ImageFacts(
        width=upright.width,
        height=upright.height,
        pix_fmt=PNG_PIX_FMTS[upright.mode],
        codec="png",
        has_alpha=upright.mode == "RGBA",
        pages=pages,
        original_format=seen.format,
        color=RGB,
    )
    return MediaFile(
        path=str(target),
        format="png_pipe",
        size_bytes=target.stat().st_size,
        image=facts,
        warnings=(f"only the first of {pages} pages or frames is used.",) if pages > 1 else (),
    )


def _write(image: Image.Image, target: Path) -> None:
    """Write beside the name and rename, since the same still may be prepared twice at once."""
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".png")
        with os.fdopen(handle, "wb") as file:
            image.save(file, format="PNG", compress_level=1)
        os.replace(name, target)
    except OSError as error:
        raise SetupError(
            f"the work folder cannot be written ({error.strerror}).",
            code="workdir",
            remedy="Free some space there, or name another folder.",
        ) from error
    finally:
        with suppress(OSError):
            os.unlink(name)


def _unsupported(seen: Sniffed, remedy: str) -> InputError:
    return InputError(f"the file is {seen.name}, which cannot be read here.", code="unsupported_image", remedy=remedy)


def _truncated(seen: Sniffed) -> InputError:
    return InputError(
        f"the file is {seen.name} that is cut off: its end is missing.",
        code="truncated",
        remedy="Upload or download it again.",
    )


def _damaged(seen: Sniffed, error: Exception) -> InputError:
    if "truncated" in str(error).lower():
        return _truncated(seen)
    return InputError(
        f"the file is {seen.name} that is damaged and cannot be decoded.",
        code="damaged",
        remedy="Save it again as JPEG or PNG.",
    )
