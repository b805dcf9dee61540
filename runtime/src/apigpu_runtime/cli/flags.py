"""The flags of an operation, read off its input model, and the way back from flag texts to JSON-like data."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from apigpu.errors import InputError
from apigpu.media.fields import MediaField, MediaKind

INDEX = "N"
"""Stands in a flag's path where the user writes the number of a list's item, from 0."""

_LISTS = (list, tuple, set, frozenset)
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_FILES = {
    MediaKind.VIDEO: "VIDEO",
    MediaKind.AUDIO: "AUDIO",
    MediaKind.IMAGE: "IMAGE",
    MediaKind.SUBTITLE: "SUBTITLES",
}


@dataclass(frozen=True)
class Flag:
    """One flag: `path` leads to its field (`("images", "N", "image_url")`)."""

    path: tuple[str, ...]
    info: FieldInfo = field(compare=False)
    types: tuple[Any, ...] = field(compare=False)

    @property
    def option(self) -> str:
        return "--" + ".".join(part.replace("_", "-") for part in self.path)

    @property
    def is_list(self) -> bool:
        """True where the flag may be repeated, since nothing but a list is taken."""
        return bool(self.types) and all(_is_list(item) for item in self.types)

    @property
    def is_required(self) -> bool:
        """True where a request without it is refused; fields inside an optional one are not meant."""
        return len(self.path) == 1 and self.info.is_required()

    @property
    def metavar(self) -> str:
        """What stands for the value in help: a kind of file, a kind of value, or the choices."""
        if marker := next((item for item in _markers(self.info) if isinstance(item, MediaField)), None):
            return _FILES[marker.kind]
        if self.is_list:
            return "ITEM"
        choices = _choices(self.types)
        names = {bool: "YES|NO", int: "INTEGER", float: "NUMBER", str: "TEXT"}
        names_of_types = dict.fromkeys(names[item] for item in self.types if item in names)
        if len(choices) <= _MOST_CHOICES_SHOWN:
            return "|".join([*choices, *names_of_types]) or "JSON"
        return "CHOICE"

    @property
    def help(self) -> str:
        """The description, then what the type and its limits allow, and the default."""
        notes = [note for note in (_range(self.info), self._choices_note(), self._default()) if note]
        description = (self.info.description or "").strip()
        return " ".join([description, f"[{'; '.join(notes)}]"] if notes else [description]).strip()

    def _choices_note(self) -> str:
        choices = _choices(self.types)
        return f"one of {', '.join(choices)}" if len(choices) > _MOST_CHOICES_SHOWN else ""

    def _default(self) -> str:
        if self.is_required:
            return "required"
        default = self.info.default
        if isinstance(default, enum.Enum):
            default = default.value
        if isinstance(default, bool):
            return f"default {'yes' if default else 'no'}"
        if isinstance(default, float):
            return f"default {default:g}"
        return f"default {default}" if isinstance(default, str | int) and default != "" else ""


_MOST_CHOICES_SHOWN = 4


def flags_of(model: type[BaseModel]) -> tuple[Flag, ...]:
    """A flag for every field of the model and of the models inside it, in the model's order."""
    return tuple(dict.fromkeys(_flags(model, (), (model,))))


def _flags(model: type[BaseModel], prefix: tuple[str, ...], above: tuple[type, ...]) -> Iterator[Flag]:
    for name, info in model.model_fields.items():
        path = (*prefix, name)
        types = tuple(_alternatives(info.annotation))
        inner = [item for item in types if _is_model(item) and item not in above]
        if len(inner) < len(types):
            yield Flag(path, info, types)
        for item in inner:
            yield from _flags(item, path, (*above, item))
        for item in types:
            for listed in _alternatives(_item_type(item)):
                if _is_model(listed) and listed not in above:
                    yield from _flags(listed, (*path, INDEX), (*above, listed))


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
    if text.lstrip().startswith(("{", "[")) and any(_takes_json(item) for item in kinds):
        return _json(text, where)
    if text in _choices(kinds):
        return next(item for item in _choice_values(kinds) if str(item) == text)
    if bool in kinds and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if int in kinds or float in kinds:
        number = _number(text)
        if number is not None:
            return number
    for item in kinds:
        if _is_list(item):
            return parse_text(text, _alternatives(_item_type(item)), where=where)
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
    except ValueError as error:
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


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The types that a field may have, without None, `Annotated` and the unions around them."""
    if hasattr(annotation, "__value__"):
        annotation = annotation.__value__
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for item in get_args(annotation):
            yield from _alternatives(item)
    elif annotation is not type(None):
        yield annotation


def _is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)


def _is_list(item: Any) -> bool:
    return get_origin(item) in _LISTS or item in _LISTS


def _item_type(item: Any) -> Any:
    """The type of a list's items; None for what is no list."""
    return get_args(item)[0] if _is_list(item) and get_args(item) else None


def _takes_json(item: Any) -> bool:
    return _is_model(item) or _is_list(item) or get_origin(item) is dict or item is dict


def _choice_values(types: Iterable[Any]) -> list[Any]:
    values: list[Any] = []
    for item in types:
        if get_origin(item) is Literal:
            values.extend(get_args(item))
        elif isinstance(item, type) and issubclass(item, enum.Enum):
            values.extend(member.value for member in item)
    return values


def _choices(types: Iterable[Any]) -> list[str]:
    return [str(value) for value in _choice_values(types)]


def _markers(info: FieldInfo) -> list[Any]:
    """What `Annotated` says of a field, at the field itself or inside an optional type."""
    found = list(info.metadata)
    stack = [info.annotation]
    while stack:
        item = stack.pop()
        if get_origin(item) is Annotated:
            found.extend(get_args(item)[1:])
        if get_origin(item) in {Annotated, Union, UnionType}:
            stack.extend(get_args(item))
    return [part for item in found for part in (getattr(item, "metadata", None) or [item])]


def _range(info: FieldInfo) -> str:
    """`0.1 to 300`, or the single limits."""
    limits: dict[str, float] = {}
    for item in _markers(info):
        for kind, name in ((Gt, "gt"), (Ge, "ge"), (Lt, "lt"), (Le, "le")):
            if isinstance(item, kind):
                limits[_SIGNS[name]] = getattr(item, name)
    if set(limits) == {">=", "<="}:
        return f"{limits['>=']:g} to {limits['<=']:g}"
    return ", ".join(f"{sign} {limit:g}" for sign, limit in limits.items())


_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
