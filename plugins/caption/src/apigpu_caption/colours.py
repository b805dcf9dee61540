"""Colours as people write them, and as ASS does."""

from __future__ import annotations

import re

_NAMES = {
    "white": "#FFFFFF",
    "black": "#000000",
    "red": "#FF0000",
    "lime": "#00FF00",
    "green": "#008000",
    "blue": "#0000FF",
    "yellow": "#FFFF00",
    "cyan": "#00FFFF",
    "aqua": "#00FFFF",
    "magenta": "#FF00FF",
    "fuchsia": "#FF00FF",
    "orange": "#FFA500",
    "purple": "#800080",
    "pink": "#FFC0CB",
    "brown": "#A52A2A",
    "gray": "#808080",
    "grey": "#808080",
    "silver": "#C0C0C0",
    "maroon": "#800000",
    "navy": "#000080",
    "teal": "#008080",
    "olive": "#808000",
}


def colour_of(word: str) -> str | None:
    """#RRGGBB for a colour of `<font color=...>`: a hexadecimal number or a common name; None for others."""
    if word.lower() in _NAMES:
        return _NAMES[word.lower()]
    if found := re.fullmatch(r"#?([0-9A-Fa-f]{6})(?:[0-9A-Fa-f]{2})?", word):
        return "#" + found[1].upper()
    if found := re.fullmatch(r"#([0-9A-Fa-f])([0-9A-Fa-f])([0-9A-Fa-f])", word):
        return "#" + "".join(digit * 2 for digit in found.groups()).upper()
    return None


def ass_colour(colour: str) -> str:
    """`&HAABBGGRR` for #RRGGBB or #RRGGBBAA: bytes in reverse, and 00 for opaque."""
    digits = colour.lstrip("#").upper()
    alpha = 255 - int(digits[6:8], 16) if len(digits) == 8 else 0
    return f"&H{alpha:02X}{digits[4:6]}{digits[2:4]}{digits[0:2]}"
