"""What a text is: subtitles, a playlist, a web page. A playlist under a video's name is an attack or an error."""

from __future__ import annotations

import re

_ENCODINGS_BY_MARK = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

_TIMING = re.compile(r"\d{1,3}:\d{1,2}(:\d{1,2})?[.,]\d{1,3}\s*-->\s*\d")
_FIRST_TAG = re.compile(r"<\s*([A-Za-z!][A-Za-z0-9:]*)")

_STARTS: tuple[tuple[str, str, str], ...] = (
    ("#extm3u", "playlist", "an M3U8 playlist"),
    ("[playlist]", "playlist", "a PLS playlist"),
    ("ffconcat version", "playlist", "a list of files for FFmpeg's concat"),
    ("v=0\n", "playlist", "an SDP session description"),
    ("rtsptext", "playlist", "an RTSP link"),
    ("[reference]", "playlist", "an ASX playlist"),
    ("webvtt", "subtitle", "a subtitle file (WebVTT)"),
    ("[script info]", "subtitle", "a subtitle file (ASS)"),
)

_TAGS: dict[str, tuple[str, str]] = {
    "!doctype": ("page", "an HTML page"),
    "html": ("page", "an HTML page"),
    "head": ("page", "an HTML page"),
    "body": ("page", "an HTML page"),
    "script": ("page", "an HTML page"),
    "mpd": ("playlist", "a DASH manifest"),
    "smoothstreamingmedia": ("playlist", "a Smooth Streaming manifest"),
    "asx": ("playlist", "an ASX playlist"),
    "playlist": ("playlist", "an XSPF playlist"),
    "smil": ("playlist", "a SMIL playlist"),
    "assetmap": ("playlist", "an IMF asset map"),
    "compositionplaylist": ("playlist", "an IMF playlist"),
    "tt": ("subtitle", "a subtitle file (TTML)"),
    "sami": ("subtitle", "a subtitle file (SAMI)"),
    "svg": ("other", "a drawing (SVG)"),
    "error": ("page", "an error message (XML)"),
}


def text_name(head: bytes) -> tuple[str, str] | None:
    """Kind and name of a text, by the words of `sniff.FileKind`; None if the bytes are no text."""
    text = _decode(head)
    if text is None or not text.strip():
        return None
    start = text.lstrip("\ufeff \t\r\n").lower().replace("\r\n", "\n")
    for prefix, kind, name in _STARTS:
        if start.startswith(prefix):
            return kind, name
    if _TIMING.search(text) or re.match(r"\{\d+\}\{\d*\}", start):
        return "subtitle", "a subtitle file"
    if start.startswith("<") and (found := _by_tag(start)):
        return found
    return "text", "a JSON text" if re.match(r"\{\s*\"|\[\s*[\[{\"]", start) else "a text file"


def _by_tag(start: str) -> tuple[str, str]:
    """By the first tag that is no declaration: manifests may begin with comments and `<?xml ...?>`."""
    for tag in _FIRST_TAG.findall(re.sub(r"<!--.*?-->", "", start, flags=re.DOTALL)):
        plain = tag.rsplit(":", 1)[-1]
        if plain in _TAGS:
            return _TAGS[plain]
        if not plain.startswith("!"):
            break
    return "text", "an XML text"


def _decode(head: bytes) -> str | None:
    for mark, encoding in _ENCODINGS_BY_MARK:
        if head.startswith(mark):
            text = head.decode(encoding, "replace")
            return text if text.count("\ufffd") * 20 <= len(text) else None
    if _is_binary(head):
        return None
    return head.decode("latin-1")


def _is_binary(head: bytes) -> bool:
    """True with a NUL or many control characters; no charset in use has them."""
    if b"\x00" in head:
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\r\x0b\x0c\x1a\x1b" for byte in head[:4096])
    return controls * 100 > len(head[:4096])
