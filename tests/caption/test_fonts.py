"""The fonts at hand."""

from __future__ import annotations

import contextlib
import struct
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu.errors import InputError
from apigpu_caption import fonts
from apigpu_caption.font_file import FontFileError, names_in


def font_named(*records: tuple[int, int, bytes]) -> bytes:
    """A font file that has nothing but names: platform, name number, encoded name."""
    names = b"".join(raw for _, _, raw in records)
    table = struct.pack(">HHH", 0, len(records), 6 + 12 * len(records))
    at = 0
    for platform, number, raw in records:
        table += struct.pack(">6H", platform, 1, 0x409, number, len(raw), at)
        at += len(raw)
    head = b"\x00\x01\x00\x00" + struct.pack(">HHHH", 1, 0, 0, 0) + struct.pack(">4sIII", b"name", 0, 28, 0)
    return head[:-4] + struct.pack(">I", len(table + names)) + table + names


def test_the_shipped_family_is_whole_and_small() -> None:
    folder = fonts.shipped_folder()
    assert [item.name for item in folder.files] == ["NotoSans-Regular.ttf", "NotoSans-Bold.ttf"]
    assert sum(len(item.content) for item in folder.files) < 1_500_000
    for item in folder.files:
        assert "Noto Sans" in names_in(BytesIO(item.content))


def test_the_shipped_fonts_are_measured() -> None:
    regular, bold = fonts.shipped_font(bold=False), fonts.shipped_font(bold=True)
    assert regular.line_units == bold.line_units == 1362
    assert (regular.advance("W"), regular.advance(" "), regular.advance("字")) == (930, 260, None)
    assert all(bold.advance(letter) for letter in "Wçğжλ")


def test_a_font_that_is_not_there_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.TTF").write_bytes(font_named((3, 1, "Überschrift Sans".encode("utf-16-be"))))
    (tmp_path / "b.otf").write_bytes(b"no font")
    with pytest.raises(InputError, match="Did you mean 'Überschrift Sans'") as caught:
        fonts.check_font("Uberschrift Sans", [tmp_path])
    assert (caught.value.code, caught.value.where) == ("unknown_font", "style.font")
    assert "2 names" in caught.value.remedy


def test_fonts_are_known_by_family_and_full_name_in_any_case(tmp_path: Path) -> None:
    raw = font_named((3, 1, "Fine".encode("utf-16-be")), (1, 4, b"Fine Bold"), (3, 5, "Version".encode("utf-16-be")))
    (tmp_path / "a.ttf").write_bytes(raw)
    for name in ("fine", "FINE BOLD", "noto sans"):
        fonts.check_font(name, [tmp_path])
    with pytest.raises(InputError):
        fonts.check_font("Version", [tmp_path])


def test_a_machine_without_fonts_still_has_the_shipped_one(tmp_path: Path) -> None:
    fonts.check_font("Noto Sans", [tmp_path / "nowhere"])
    with pytest.raises(InputError, match="no other font is installed"):
        fonts.check_font("Arial", [tmp_path / "nowhere"])


@given(st.binary(max_size=200), st.integers(0, 150))
def test_a_broken_file_is_no_font(noise: bytes, at: int) -> None:
    sound = font_named((3, 1, "Fine".encode("utf-16-be")), (1, 4, b"Fine Bold"))
    for data in (noise, sound[:at] + noise + sound[at:], b"ttcf" + noise):
        with contextlib.suppress(FontFileError):
            assert all(names_in(BytesIO(data)))
