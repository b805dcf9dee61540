"""From the texts of flags to JSON-like data, by the types of their fields."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from apigpu.errors import InputError
from apigpu_runtime.cli.annotations import alternatives, choice_values, choice_words, is_list, item_type, takes_json
from apigpu_runtime.cli.flags import Flag

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def data_of(given: Iterable[tuple[Flag, tuple[str, ...], str]]) -> dict[str, Any]:
    """JSON-like data from flags with the paths and texts that the user wrote (`images.2.duration`, `3`).

    Raises InputError for text that no type of the field can be read from, and for gaps in numbered items.
    """
    tree: dict[str, Any] = {}
    for flag, path, text in given:
        _refuse_broken_text(text, ".".join(path))
        value = parse_text(text, flag.types, where=".".join(path))
        _put(tree, path, value, is_list=flag.is_list)
    return {name: _lists(value, name) for name, value in tree.items()}


def parse_text(text: str, types: Iterable[Any], *, where: str = "") -> Any:
    """The value that a flag's text stands for, by the field's types; text that fits none stays a text."""
    kinds = list(types)
    if text.lstrip().startswith(("{", "[")) and any(takes_json(item) for item in kinds):
        return _json(text, where)
    if text in choice_words(kinds):
        return next(item for item in choice_values(kinds) if str(item) == text)
    if bool in kinds and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if int in kinds or float in kinds:
        number = _number(text)
        if number is not None:
            return number
    for item in kinds:
        if is_list(item):
            return parse_text(text, alternatives(item_type(item)), where=where)
    return text


def _refuse_broken_text(text: str, where: str) -> None:
    # The shell passes bytes; those that are no UTF-8 come here as lone surrogates, which JSON cannot hold.
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError("is not valid UTF-8 text.", where=where, remedy="Rename the file.")


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value.is_integer() and "." not in text else value


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not valid JSON: {error}.", where=where) from None


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any, *, is_list: bool) -> None:
    """Hang the value into a tree of dictionaries; items of lists stand there under their numbers."""
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise InputError("is given both as a whole and in parts.", where=".".join(path))
    if not is_list:
        tree[path[-1]] = value
        return
    items = tree.setdefault(path[-1], _Items())
    for item in value if isinstance(value, list) else [value]:
        items[str(len(items))] = item


class _Items(dict[str, Any]):
    """The items of a list that is being collected, under their numbers."""


def _lists(value: Any, where: str) -> Any:
    """The tree with collected items, and dictionaries whose keys are all numbers, turned into lists."""
    if not isinstance(value, dict):
        return value
    if not isinstance(value, _Items) and not (value and all(key.isdecimal() for key in value)):
        return {key: _lists(item, f"{where}.{key}") for key, item in value.items()}
    missing = next((number for number in range(len(value)) if str(number) not in value), None)
    if missing is not None:
        raise InputError("is missing: items are numbered from 0 without gaps.", where=f"{where}.{missing}")
    return [_lists(value[str(number)], f"{where}.{number}") for number in range(len(value))]
