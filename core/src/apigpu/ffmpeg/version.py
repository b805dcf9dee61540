"""Which release a binary is, read from what `ffmpeg -version` prints."""

from __future__ import annotations

import re

Version = tuple[int, int, int]

_FIRST_LINE = re.compile(r"^\s*ff(?:mpeg|probe) version (\S+)", re.MULTILINE)
_RELEASE = re.compile(r"n?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,5}))?(?![\d.])")
_LIBAVCODEC = re.compile(r"^\s*libavcodec\s+(\d{1,4})\.\s*(\d{1,4})\.", re.MULTILINE)


def version_text(output: str) -> str:
    """The version as the binary calls itself (`5.1.9-0+deb12u1`, `N-12345-gabcdef`), or an empty string."""
    found = _FIRST_LINE.search(output)
    return found[1] if found else ""


def parse_version(output: str) -> Version | None:
    """The release of the whole output of `ffmpeg -version`; None where it is not FFmpeg's.

    Builds of the development branch carry no release number (`N-12345-gabcdef`, dates): libavcodec tells
    which release they come after.
    """
    text = version_text(output)
    if release := _RELEASE.match(text):
        return int(release[1]), int(release[2]), int(release[3] or 0)
    library = _LIBAVCODEC.search(output)
    return _release_of_libavcodec(int(library[1]), int(library[2])) if text and library else None


def format_version(version: Version) -> str:
    """`5.1` or `5.1.9`: trailing zeros of the patch level are not shown."""
    major, minor, patch = version
    return f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"


def _release_of_libavcodec(major: int, minor: int) -> Version:
    # libavcodec 58 is FFmpeg 4, 59 is 5, ... 63 is 9; 59.37 came with 5.1.
    if major == 59:
        return (5, 1 if minor >= 37 else 0, 0)
    return (max(major - 54, 0), 0, 0)
