"""What a file is, told by its first bytes: a word to decide on, and a name for messages.

A first look only. For sound and video ffprobe decides; the look spares it playlists, pages and archives,
and finds the words when it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apigpu.media.sniff_text import text_name

HEAD_BYTES = 64 << 10
"""As much as `sniff` looks at."""


class FileKind(StrEnum):
    """What a file holds, as far as its first bytes tell. MEDIA is sound or video, or both."""

    MEDIA = "media"
    IMAGE = "image"
    SUBTITLE = "subtitle"
    PLAYLIST = "playlist"
    PAGE = "page"
    TEXT = "text"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sniffed:
    """`name` fits into "the file is NAME"; `format` is Pillow's word for an image and empty otherwise."""

    kind: FileKind
    name: str
    format: str = ""


UNKNOWN = Sniffed(FileKind.UNKNOWN, "of no format that is known here")


def sniff(head: bytes) -> Sniffed:
    """Tell what begins with these bytes. Never raises; nothing at all is UNKNOWN."""
    for look in (_by_box, _by_riff, _by_magic, _by_text, _by_sync):
        if found := look(head[:HEAD_BYTES]):
            return found
    return UNKNOWN


def _media(name: str) -> Sniffed:
    return Sniffed(FileKind.MEDIA, name)


def _image(name: str, pillow: str = "") -> Sniffed:
    return Sniffed(FileKind.IMAGE, f"a still image ({name})", pillow)


def _other(name: str) -> Sniffed:
    return Sniffed(FileKind.OTHER, name)


_MAGIC: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", _image("JPEG", "JPEG")),
    (b"\x89PNG\r\n\x1a\n", _image("PNG", "PNG")),
    (b"GIF87a", _image("GIF", "GIF")),
    (b"GIF89a", _image("GIF", "GIF")),
    (b"II*\x00", _image("TIFF", "TIFF")),
    (b"MM\x00*", _image("TIFF", "TIFF")),
    (b"II+\x00", _image("TIFF", "TIFF")),
    (b"MM\x00+", _image("TIFF", "TIFF")),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", _image("JPEG 2000", "JPEG2000")),
    (b"\xff\x4f\xff\x51", _image("JPEG 2000", "JPEG2000")),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", _image("JPEG XL")),
    (b"\xff\x0a", _image("JPEG XL")),
    (b"8BPS", _image("Photoshop")),
    (b"\x00\x00\x01\x00", _image("icon")),
    (b"qoif", _image("QOI")),
    (b"\x1a\x45\xdf\xa3", _media("a Matroska or WebM video")),
    (b"OggS", _media("an Ogg file")),
    (b"FLV\x01", _media("an FLV video")),
    (b"ID3", _media("an MP3 sound file")),
    (b"fLaC", _media("a FLAC sound file")),
    (b"FORM", _media("an AIFF sound file")),
    (b".snd", _media("an AU sound file")),
    (b"caff", _media("a CAF sound file")),
    (b"#!AMR", _media("an AMR sound file")),
    (b"wvpk", _media("a WavPack sound file")),
    (b"MAC ", _media("a Monkey's Audio sound file")),
    (b"TTA1", _media("a True Audio sound file")),
    (b"DSD ", _media("a DSD sound file")),
    (b"0&\xb2u\x8ef\xcf\x11", _media("a Windows Media file")),
    (b"\x00\x00\x01\xba", _media("an MPEG program stream")),
    (b"\x00\x00\x01\xb3", _media("an MPEG video")),
    (b"\x00\x00\x00\x01g", _media("a raw H.264 stream")),
    (b"\x00\x00\x00\x01@", _media("a raw HEVC stream")),
    (b"\x06\x0e+4\x02\x05\x01\x01", _media("an MXF video")),
    (b".RMF", _media("a RealMedia file")),
    (b"DKIF", _media("an IVF video")),
    (b"YUV4MPEG2", _media("a YUV4MPEG video")),
    (b"MThd", _other("a MIDI file, which holds notes and no sound")),
    (b"%PDF", _other("a PDF document")),
    (b"PK\x03\x04", _other("a ZIP archive (or an office document)")),
    (b"Rar!", _other("a RAR archive")),
    (b"7z\xbc\xaf\x27\x1c", _other("a 7-Zip archive")),
    (b"\x1f\x8b", _other("a gzip archive")),
    (b"BZh", _other("a bzip2 archive")),
    (b"\xfd7zXZ\x00", _other("an xz archive")),
    (b"\x7fELF", _other("a program")),
    (b"SQLite format 3", _other("a database")),
)


def _by_magic(head: bytes) -> Sniffed | None:
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return _image("BMP", "BMP")
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return _image("PNM", "PPM")
    return None


_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"hevc", b"hevx", b"msf1"}
_BOXES = {b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}


def _by_box(head: bytes) -> Sniffed | None:
    """MP4's family, which all begins with a box: its length, then its type."""
    if head[4:8] in _BOXES:
        return _media("a QuickTime or MP4 video")
    if head[4:8] in {b"styp", b"moof", b"sidx"}:
        return _media("a fragment of an MP4 video")
    if head[4:8] != b"ftyp":
        return None
    brand = head[8:12]
    brands = {head[at : at + 4] for at in range(16, min(int.from_bytes(head[:4], "big"), 256), 4)} | {brand}
    if brand in {b"avif", b"avis"} or (brand in {b"mif1", b"msf1"} and b"avif" in brands):
        return _image("AVIF", "AVIF")
    if brand in _HEIF_BRANDS:
        return _image("HEIC", "HEIF")
    if brand in {b"M4A ", b"M4B ", b"F4A "}:
        return _media("an M4A sound file")
    return _media("a QuickTime video" if brand == b"qt  " else "an MP4 video")


def _by_riff(head: bytes) -> Sniffed | None:
    if head[:4] not in {b"RIFF", b"RF64", b"RIFX"}:
        return None
    match head[8:12]:
        case b"WAVE":
            return _media("a WAV sound file")
        case b"AVI ":
            return _media("an AVI video")
        case b"WEBP":
            return _image("WebP", "WEBP")
        case _:
            return None


def _by_text(head: bytes) -> Sniffed | None:
    found = text_name(head)
    return Sniffed(FileKind(found[0]), found[1]) if found else None


def _by_sync(head: bytes) -> Sniffed | None:
    """Streams without a header, told by marks that come again at the distance that they promise."""
    for step, offset in ((188, 0), (192, 4), (204, 0)):  # plain, with time codes (.m2ts), with parity
        marks = head[offset : offset + 5 * step : step]
        if len(marks) >= 2 and set(marks) == {0x47}:
            return _media("an MPEG transport stream")
    if head[:2] in {b"\xff\xf1", b"\xff\xf9"}:
        return _media("an AAC sound file")
    if head[:2] in {b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xfd", b"\xff\xfc"}:
        return _media("an MP3 sound file")
    return None
