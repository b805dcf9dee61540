"""The few tables of a TrueType or OpenType file that captions need: names, characters, widths, line height."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

_FAMILY_NAMES = (1, 16)
_FULL_NAME = 4
_WINDOWS, _MACINTOSH = 3, 1
_MAX_TABLE_BYTES = 4_000_000


class FontFileError(Exception):
    """The file is no font that can be read."""


@dataclass(frozen=True)
class FontFile:
    """A font in memory. Advances are in font units; `line_units` of them are a line, as libass measures it."""

    data: bytes

    @cached_property
    def _tables(self) -> Mapping[bytes, tuple[int, int]]:
        return dict(_directory(self.data[12:], _u16(self.data, 4)))

    @cached_property
    def glyphs(self) -> Mapping[int, int]:
        """Glyph numbers by character, for the characters that the font has."""
        return _characters(self._table(b"cmap"))

    @cached_property
    def line_units(self) -> int:
        os2 = self._table(b"OS/2")
        return _u16(os2, 74) + _u16(os2, 76)

    def advance(self, character: str) -> int | None:
        """Width of a character, None where the font has none."""
        glyph = self.glyphs.get(ord(character))
        return None if glyph is None else self._advances[min(glyph, len(self._advances) - 1)]

    @cached_property
    def _advances(self) -> tuple[int, ...]:
        count = _u16(self._table(b"hhea"), 34)
        return struct.unpack(f">{2 * count}H", self._table(b"hmtx")[: 4 * count])[0::2]

    def _table(self, tag: bytes) -> bytes:
        offset, length = self._tables[tag]
        return self.data[offset : offset + length]


def names_in(file: BinaryIO) -> frozenset[str]:
    """Family and full names of the fonts in a file, collections included. Raises FontFileError for other files."""
    try:
        return frozenset(_names(file))
    except (struct.error, ValueError, OSError, IndexError) as error:
        raise FontFileError(str(error)) from error


def _names(file: BinaryIO) -> Iterator[str]:
    head = file.read(12)
    if head[:4] == b"ttcf":
        count = min(struct.unpack(">I", head[8:12])[0], 64)
        starts = struct.unpack(f">{count}I", file.read(4 * count))
    elif head[:4] in {b"\x00\x01\x00\x00", b"OTTO", b"true"}:
        starts = (0,)
    else:
        raise FontFileError("no font")
    for start in starts:
        file.seek(start + 4)
        count = _u16(file.read(8), 0)
        tables = dict(_directory(file.read(16 * count), count))
        if b"name" in tables:
            offset, length = tables[b"name"]
            file.seek(offset)
            yield from _name_records(file.read(min(length, _MAX_TABLE_BYTES)))


def _directory(data: bytes, count: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    for number in range(count):
        tag, _, offset, length = struct.unpack_from(">4sIII", data, 16 * number)
        yield tag, (offset, length)


def _name_records(table: bytes) -> Iterator[str]:
    _, count, storage = struct.unpack_from(">HHH", table)
    for number in range(count):
        platform, _, _, name_id, length, offset = struct.unpack_from(">6H", table, 6 + 12 * number)
        raw = table[storage + offset : storage + offset + length]
        if name_id not in (*_FAMILY_NAMES, _FULL_NAME) or platform not in {0, _MACINTOSH, _WINDOWS}:
            continue
        name = raw.decode("mac-roman" if platform == _MACINTOSH else "utf-16-be", "replace").strip()
        if name:
            yield name


def _characters(cmap: bytes) -> Mapping[int, int]:
    """The best Unicode subtable: format 12 before format 4."""
    found: dict[int, int] = {}
    for number in range(_u16(cmap, 2)):
        platform, _, offset = struct.unpack_from(">HHI", cmap, 4 + 8 * number)
        if platform not in {0, _WINDOWS}:
            continue
        kind = _u16(cmap, offset)
        if kind == 12:
            found.update(_format_12(cmap, offset))
        elif kind == 4:
            found.update(_format_4(cmap, offset))
    return found


def _format_12(cmap: bytes, offset: int) -> Iterator[tuple[int, int]]:
    (groups,) = struct.unpack_from(">I", cmap, offset + 12)
    for number in range(groups):
        first, last, glyph = struct.unpack_from(">III", cmap, offset + 16 + 12 * number)
        yield from ((character, glyph + character - first) for character in range(first, last + 1))


def _format_4(cmap: bytes, offset: int) -> Iterator[tuple[int, int]]:
    count = _u16(cmap, offset + 6) // 2
    ends, starts, deltas, ranges = (
        struct.unpack_from(f">{count}H", cmap, offset + 14 + 2 * count * part + (2 if part else 0))
        for part in range(4)
    )
    ranges_at = offset + 16 + 6 * count
    for number in range(count):
        for character in range(starts[number], min(ends[number], 0xFFFE) + 1):
            glyph = character
            if ranges[number]:
                glyph = _u16(cmap, ranges_at + 2 * number + ranges[number] + 2 * (character - starts[number]))
                if not glyph:
                    continue
            glyph = (glyph + deltas[number]) & 0xFFFF
            if glyph:
                yield character, glyph


def _u16(data: bytes, offset: int) -> int:
    value: int = struct.unpack_from(">H", data, offset)[0]
    return value
