"""Which format a text is in, by its content; a name or an extension says nothing."""

from __future__ import annotations

import re
from typing import Literal

Format = Literal["srt", "vtt", "ass"]

_ASS = re.compile(
    r"^[ \t]*\[(?:Script Info|V4\+? Styles|Events)\][ \t]*$|^[ \t]*Dialogue:[^,\n]*,[ \t]*\d+:\d+:\d+", re.I | re.M
)


def format_of(text: str) -> Format:
    """`vtt` with its signature, `ass` with a section or an event of ASS or SSA, `srt` for all else."""
    if text.lstrip().startswith("WEBVTT"):
        return "vtt"
    first_arrow = text.find("-->")
    found = _ASS.search(text)
    return "ass" if found is not None and (first_arrow < 0 or found.start() < first_arrow) else "srt"
