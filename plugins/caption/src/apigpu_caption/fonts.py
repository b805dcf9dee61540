"""The fonts at hand: the family that the plugin brings, and those of the machine."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from apigpu.errors import InputError
from apigpu.graph import Asset, AssetFolder
from apigpu_caption.font_file import FontFile, FontFileError, names_in
from apigpu_caption.input import DEFAULT_FONT

_SHIPPED = ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf")
_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
_MAX_FILES = 20_000


@lru_cache(maxsize=1)
def shipped_folder() -> AssetFolder:
    """The plugin's own fonts, for libass; the same on every machine."""
    folder = files("apigpu_caption") / "fonts"
    return AssetFolder("fonts", tuple(Asset(name, (folder / name).read_bytes()) for name in _SHIPPED))


@lru_cache(maxsize=2)
def shipped_font(*, bold: bool) -> FontFile:
    """One of the plugin's own fonts, to measure text with."""
    return FontFile(shipped_folder().files[int(bold)].content)


def is_shipped(font: str) -> bool:
    return font.casefold() == DEFAULT_FONT.casefold()


def check_font(font: str, folders: Sequence[Path] | None = None) -> None:
    """Raises InputError for a font that is neither shipped nor in `folders` (by default the system's)."""
    if not missing_fonts([font], folders):
        return
    names = _families(_folders(folders))
    near = difflib.get_close_matches(font.casefold(), names, n=1)
    meant = f"Did you mean {names[near[0]]!r}? " if near else ""
    others = f"{len(names)} names of fonts are known here" if len(names) > 1 else "no other font is installed here"
    raise InputError(
        f"there is no font {font!r}.",
        code="unknown_font",
        where="style.font",
        remedy=f"{meant}{DEFAULT_FONT!r} is always there; {others}.",
    )


def missing_fonts(fonts: Iterable[str], folders: Sequence[Path] | None = None) -> list[str]:
    """Those fonts that are neither shipped nor in `folders` (by default the system's). Looks only where it must."""
    others = [font for font in dict.fromkeys(fonts) if not is_shipped(font)]
    if not others:
        return []
    names = _families(_folders(folders))
    return [font for font in others if font.casefold() not in names]


def _folders(folders: Sequence[Path] | None) -> tuple[Path, ...]:
    return tuple(system_folders() if folders is None else folders)


def system_folders() -> list[Path]:
    """Where fonts lie by convention, in the order of fontconfig's own defaults."""
    home = Path(os.path.expanduser("~"))
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".local" / "share" / "fonts",
        home / ".fonts",
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        home / "Library" / "Fonts",
    ]


@lru_cache(maxsize=8)
def _families(folders: tuple[Path, ...]) -> dict[str, str]:
    """Names by their case-folded form. Read once a process: 290 files take some 30 ms."""
    found = {DEFAULT_FONT.casefold(): DEFAULT_FONT}
    for path in _font_files(folders):
        try:
            with path.open("rb") as file:
                found.update((name.casefold(), name) for name in names_in(file))
        except (FontFileError, OSError):
            continue  # a broken font is no font
    return found


def _font_files(folders: Sequence[Path]) -> Iterator[Path]:
    count = 0
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in sorted(names):
                if os.path.splitext(name)[1].lower() in _SUFFIXES and count < _MAX_FILES:
                    count += 1
                    yield Path(parent, name)
