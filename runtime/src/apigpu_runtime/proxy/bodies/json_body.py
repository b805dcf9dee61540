"""JSON from strangers: its size is counted before any of it becomes an object."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, NoReturn

from apigpu_runtime.proxy.refusals import Refusal, malformed

MAX_DEPTH = 32
MAX_NAMES = 5_000
MAX_VALUES = 20_000
MAX_NAME_CHARACTERS = 200

# A text, closed or not, so that looking for one never starts again inside another.
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_STEP = bytes.maketrans(b"[{]}", b"\x02\x02\x00\x00")
_NOT_A_BRACKET = bytes(byte for byte in range(256) if byte not in b"[{]}")


def parse_object(body: bytes, *, where: str = "") -> dict[str, Any]:
    """The object that a JSON text is. Raises Refusal (400) for anything else."""
    value = parse_json(body, where=where)
    if isinstance(value, dict):
        return value
    what = "a list" if isinstance(value, list) else f"the value {json.dumps(value)[:60]}"
    remedy = "Send one request for each item." if isinstance(value, list) else ""
    raise _fault(f"must be one JSON object, not {what}.", code="not_an_object", where=where, remedy=remedy)


def parse_json(body: bytes, *, where: str = "") -> Any:
    """What a JSON text says. Raises Refusal (400) with the place of the fault.

    Beyond JSON's own rules: UTF-8, each name once, numbers that are numbers, and limits on depth and counts, which
    are checked on the text, before memory is spent on what it holds.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault(
            f"is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}.",
            code="invalid_utf8",
            where=where,
            remedy="Send JSON in UTF-8.",
        ) from None
    _check_counts(body, where)
    try:
        value = (_decoder(where) if where else _BODY).decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _fault(f"is no valid JSON: {error.msg} at {place}.", code="invalid_json", where=where) from None
    except (ValueError, RecursionError) as error:
        if hasattr(error, "code"):
            raise
        # int() refuses thousands of digits.
        raise _fault("is no usable JSON: a number is too long.", code="invalid_json", where=where) from None
    if b"\\u" in body:
        _check_surrogates(value, where)
    return value


def _check_counts(body: bytes, where: str) -> None:
    if len(body) <= MAX_NAMES and body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    bare = _TEXT.sub(b"", body)
    brackets = bare.translate(_STEP, _NOT_A_BRACKET)
    if bare.count(b",") + len(brackets) // 2 > MAX_VALUES:
        raise _fault(f"has more than {MAX_VALUES} values.", code="too_many_fields", where=where)
    if bare.count(b":") > MAX_NAMES:
        raise _fault(f"has more than {MAX_NAMES} fields.", code="too_many_fields", where=where)
    if max(accumulate(step - 1 for step in brackets), default=0) > MAX_DEPTH:
        raise _fault(f"is nested more than {MAX_DEPTH} deep.", code="too_deep", where=where)


def _number(text: str) -> float:
    """To JSON 5.0 is as whole as 5; to strict models it is not."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


class _Pairs:
    def __init__(self, where: str) -> None:
        self.where = where

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if len(name) > MAX_NAME_CHARACTERS:
                shown = f"{name[:40]}..."
                raise _fault(f"has a field name that is too long: {shown!r}.", code="invalid_json", where=self.where)
            if name in found:
                raise _fault("is there twice.", code="duplicate_field", where=_below(self.where, name))
            found[name] = value
        return found


class _Constant:
    def __init__(self, where: str) -> None:
        self.where = where

    def __call__(self, word: str) -> NoReturn:
        raise _fault(f"has {word}, which JSON has no number for.", code="invalid_json", where=self.where)


def _decoder(where: str) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_Pairs(where), parse_float=_number, parse_constant=_Constant(where))


_BODY = _decoder("")
"""Of whole bodies, made once."""


def _check_surrogates(value: Any, where: str) -> None:
    """Half a character, escaped: JSON lets it pass, and no text can hold it."""
    if isinstance(value, dict):
        for name, item in value.items():
            _check_surrogates(name, where)
            _check_surrogates(item, _below(where, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_surrogates(item, _below(where, str(number)))
    elif isinstance(value, str) and not _is_text(value):
        raise _fault("must be valid Unicode text.", code="invalid_utf8", where=where)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _fault(message: str, *, code: str, where: str, remedy: str = "") -> Refusal:
    """`message` goes on where the name of the field, or of the body, ends."""
    return malformed(message if where else f"the body {message}", code=code, where=where, remedy=remedy)
