"""Is the file all there? Walks the outer structure of a file, never its contents."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAX_STEPS = 100_000


@dataclass(frozen=True)
class PngOutline:
    """Which chunks a PNG has. `exif` is the content of its eXIf chunk, wherever that stands."""

    chunks: frozenset[bytes]
    exif: bytes
    is_whole: bool


def png_outline(path: Path) -> PngOutline:
    """Walk a PNG from chunk to chunk. It is whole if it reaches IEND."""
    seen: set[bytes] = set()
    exif = b""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 8
        for _ in range(_MAX_STEPS):
            file.seek(at)
            head = file.read(8)
            if len(head) < 8:
                break
            length, name = struct.unpack(">I4s", head)
            at += 12 + length
            seen.add(name)
            if name == b"eXIf" and length < 1 << 16:
                exif = file.read(length)
            if name == b"IEND" or at > size:
                break
    return PngOutline(frozenset(seen), exif, b"IEND" in seen and at <= size)


def jpeg_is_whole(path: Path) -> bool:
    """True if the first picture of a JPEG has its end mark. Phones append films and second pictures to it.

    FFmpeg decodes the rest of a cut JPEG as grey, with exit code 0.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 2
        for _ in range(_MAX_STEPS):
            mark = data[at : at + 4]
            if len(mark) < 4 or mark[0] != 0xFF:
                return False
            if mark[1] == 0xDA:  # within the scans that follow, 0xFF is never data: it would be 0xFF00
                return data.find(b"\xff\xd9", at) >= 0
            at += 1 if mark[1] == 0xFF else 2 + int.from_bytes(mark[2:4], "big")
    return False


def webp_chunks(path: Path) -> frozenset[bytes]:
    """Names of the chunks of a WebP: VP8 (lossy), VP8L (lossless), ALPH, ANIM, ICCP, EXIF."""
    seen: set[bytes] = set()
    with path.open("rb") as file:
        at = 12
        for _ in range(_MAX_STEPS):
            file.seek(at)
            head = file.read(8)
            if len(head) < 8:
                break
            name, length = struct.unpack("<4sI", head)
            seen.add(name)
            at += 8 + length + length % 2
    return frozenset(seen)


def container_is_whole(path: Path) -> bool:
    """False if a RIFF file (WebP, AVI, WAV) or an MP4 ends before its headers say. Others always pass."""
    with path.open("rb") as file:
        head = file.read(12)
    size = path.stat().st_size
    if head[:4] == b"RIFF":
        length = int.from_bytes(head[4:8], "little")
        # Who writes to a pipe cannot know the length.
        return length in {0, 0xFFFFFFFF} or 8 + length <= size
    return all(end <= size for _, end in _boxes(path, size))


def is_fragmented(path: Path) -> bool:
    """True for an MP4 in fragments, whose index at the front covers at most the first of them."""
    return any(name == b"moof" for name, _ in _boxes(path, path.stat().st_size))


_FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof"}


def _boxes(path: Path, size: int) -> Iterator[tuple[bytes, int]]:
    """Name and end of each outer box of an MP4; nothing for other files."""
    with path.open("rb") as file:
        at = 0
        for _ in range(_MAX_STEPS):
            file.seek(at)
            head = file.read(16)
            name = head[4:8]
            if len(head) < 8 or (at == 0 and name not in _FIRST_BOXES):
                return
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:  # to the end of the file
                length = size - at
            if length < 8:
                return
            at += length
            yield name, at
