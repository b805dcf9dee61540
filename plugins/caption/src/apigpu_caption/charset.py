"""Bytes to text: a mark, strict UTF-8, UTF-16 without a mark, then a guess; the `encoding` field wins over all."""

from __future__ import annotations

import codecs
import difflib
import re
from dataclasses import dataclass

from apigpu.errors import InputError

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

# What subtitle files are really found in. Without this list a short text is taken for DOS or Macintosh sets.
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "cp1258", "iso8859-2")
_OTHERS = (
    *("cp1251", "cp1253", "cp1255", "cp1256", "cp874", "koi8-r"),
    *("cp932", "euc-jp", "cp949", "euc-kr", "big5", "gb18030"),
)
# A detector names the standard, and people's files hold the vendor's larger set: curly quotes, the euro sign.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_SAMPLE_BYTES = 200_000
_FEW = 5
_VALID_PER_BROKEN = 10
"""Letters beyond ASCII for each broken byte, above which a text is UTF-8 with flaws."""


@dataclass(frozen=True)
class Decoded:
    """A text without byte-order marks. `guessed` where nothing in the file says its encoding; `flawed` where
    bytes that are no text in it became U+FFFD."""

    text: str
    encoding: str
    guessed: bool = False
    flawed: bool = False


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    """The text of a subtitle file. Raises InputError for an unknown or an unfitting `encoding`."""
    if encoding is not None:
        return _as_told(data, encoding)
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _replacing(data[len(mark) :], name)
    utf16 = _utf16_without_mark(data)
    if utf16 is not None:
        return _replacing(data, utf16)
    try:
        return Decoded(_clean(data.decode("utf-8")), "utf-8")
    except UnicodeDecodeError:
        pass
    return _replacing(data, "utf-8") if _is_flawed_utf8(data) else _guess(data)


def _as_told(data: bytes, encoding: str) -> Decoded:
    try:
        name = _codec(encoding)
        return Decoded(_clean(data.decode(name)), name)
    except LookupError:
        raise InputError(
            f"there is no encoding {encoding!r}.",
            code="unknown_encoding",
            where="encoding",
            remedy=_hint(encoding),
        ) from None
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"the subtitles are not in {encoding}: it cannot be read{at}.",
            code="wrong_encoding",
            where="encoding",
            remedy="Leave the field out to have the encoding detected.",
        ) from None


def _codec(encoding: str) -> str:
    """Python's name of an encoding of text. Raises LookupError for others, such as base64."""
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name
    except (ValueError, UnicodeError):  # a NUL in the name; idna and punycode never get here
        raise LookupError(encoding) from None


def _hint(encoding: str) -> str:
    from encodings.aliases import aliases

    known = {name.replace("_", "-") for name in (*aliases, *aliases.values())} | {"windows-1250", "windows-1251"}
    near = difflib.get_close_matches(encoding.lower().replace("_", "-"), sorted(known), n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return f"{meant}Common ones are utf-8, utf-16, windows-1252, windows-1251, iso-8859-9, gb18030 and shift_jis."


def _utf16_without_mark(data: bytes) -> str | None:
    """Digits, colons and line ends leave a NUL in every second byte, and no other text has NULs."""
    sample = data[:4000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 8 < len(sample) or len(sample) < 16:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_flawed_utf8(data: bytes) -> bool:
    """True where nearly all bytes above ASCII form UTF-8 sequences, as they never do by chance."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) - broken >= _VALID_PER_BROKEN * broken


def _guess(data: bytes) -> Decoded:
    # Numbers and times are the same in every encoding and only dilute what tells them apart.
    telling = b"\n".join(line for line in data[:_SAMPLE_BYTES].splitlines() if not line.isascii())
    decoded = _replacing(data, _detected(telling))
    return Decoded(decoded.text, decoded.encoding, guessed=True, flawed=decoded.flawed)


def _detected(telling: bytes) -> str:
    """The likeliest encoding of lines that are not UTF-8. In Latin script most letters are ASCII, in others few."""
    letters = len(re.findall(rb"[A-Za-z]", telling))
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", telling)]
    beyond = sum(runs)
    is_latin = letters >= beyond and max(runs, default=0) <= 3
    if is_latin and beyond < _FEW:
        return "cp1252"  # too little for statistics, and nearly always right
    import chardet

    likely = _LATIN if is_latin else _OTHERS
    found = chardet.detect(telling, include_encodings=likely, no_match_encoding=likely[0])["encoding"]
    return _superset(found or "cp1252")


def _superset(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        return "cp1252"
    return _SUPERSETS.get(name, name)


def _replacing(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    return Decoded(_clean(text), encoding, flawed="\ufffd" in text)


def _clean(text: str) -> str:
    """Joined files carry marks inside, and C programs end a string at NUL."""
    return text.replace("\ufeff", "").replace("\x00", "")
