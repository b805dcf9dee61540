"""The first look at a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu.media.sniff import FileKind, sniff

SRT = "1\n00:00:01,000 --> 00:00:02,500\nOlá, {mundo}\n"

HEADS: list[tuple[bytes, FileKind, str]] = [
    (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", FileKind.MEDIA, "an MP4 video"),
    (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", FileKind.MEDIA, "a QuickTime video"),
    (b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42", FileKind.MEDIA, "an M4A sound file"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", FileKind.IMAGE, "a still image (HEIC)"),
    (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", FileKind.IMAGE, "a still image (AVIF)"),
    (b"\0\0\0\x08wide\0\0\0\0mdat", FileKind.MEDIA, "a QuickTime or MP4 video"),
    (b"RIFF\x24\0\0\0WAVEfmt ", FileKind.MEDIA, "a WAV sound file"),
    (b"RIFF\x24\0\0\0WEBPVP8 ", FileKind.IMAGE, "a still image (WebP)"),
    (b"\x47" + bytes(187) + b"\x47" + bytes(187), FileKind.MEDIA, "an MPEG transport stream"),
    (bytes(4) + (b"\x47" + bytes(191)) * 3, FileKind.MEDIA, "an MPEG transport stream"),
    (b"\xff\xfb\x90\x64" + bytes(400), FileKind.MEDIA, "an MP3 sound file"),
    (b"\xff\xf1\x50\x80" + bytes(400), FileKind.MEDIA, "an AAC sound file"),
    (b"BM\x36\x04\0\0\0\0\0\0", FileKind.IMAGE, "a still image (BMP)"),
    (b"BMW is a car maker", FileKind.TEXT, "a text file"),
    (b"GIF of the day", FileKind.TEXT, "a text file"),
    (b"  \n#EXTM3U\n", FileKind.PLAYLIST, "an M3U8 playlist"),
    (b"\xef\xbb\xbf#EXTM3U\n", FileKind.PLAYLIST, "an M3U8 playlist"),
    ("#EXTM3U\n".encode("utf-16"), FileKind.PLAYLIST, "an M3U8 playlist"),
    (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", FileKind.PLAYLIST, "an SDP session description"),
    (b'<?xml version="1.0"?><!-- <html> --><smil/>', FileKind.PLAYLIST, "a SMIL playlist"),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", FileKind.PAGE, "an error message (XML)"),
    (b"<i>Hello</i> world", FileKind.TEXT, "an XML text"),
    (SRT.encode(), FileKind.SUBTITLE, "a subtitle file"),
    (SRT.encode("cp1252"), FileKind.SUBTITLE, "a subtitle file"),
    (SRT.encode("utf-16"), FileKind.SUBTITLE, "a subtitle file"),
    (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi", FileKind.SUBTITLE, "a subtitle file (WebVTT)"),
    (b"\xef\xbb\xbf[Script Info]\nTitle: x\n", FileKind.SUBTITLE, "a subtitle file (ASS)"),
    (b"{0}{25}Hello|there\n", FileKind.SUBTITLE, "a subtitle file"),
    (b'<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"/>', FileKind.SUBTITLE, "a subtitle file (TTML)"),
    (b'[{"a": 1}]', FileKind.TEXT, "a JSON text"),
    (b"", FileKind.UNKNOWN, "of no format that is known here"),
    (b" \n\t ", FileKind.UNKNOWN, "of no format that is known here"),
]


@pytest.mark.parametrize(("head", "kind", "name"), HEADS)
def test_a_file_is_known_by_its_first_bytes(head: bytes, kind: FileKind, name: str) -> None:
    found = sniff(head)
    assert (found.kind, found.name) == (kind, name)


@given(st.binary(max_size=2000))
def test_any_bytes_are_something(head: bytes) -> None:
    assert sniff(head).name


@given(st.sampled_from([head for head, _, _ in HEADS]), st.binary(max_size=200), st.integers(0, 60))
def test_damaged_beginnings_are_something(head: bytes, tail: bytes, keep: int) -> None:
    assert sniff(head[:keep] + tail).name


WORDS = st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "Zs"]), min_size=1, max_size=300)


@given(WORDS.map(str.lower))
def test_plain_words_are_never_taken_for_media(words: str) -> None:
    assert sniff(words.encode()).kind in {FileKind.TEXT, FileKind.UNKNOWN}
