"""The flags of an operation, read off its input model, with what help says of them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from apigpu.media.fields import MediaField, MediaKind
from apigpu_runtime.cli.annotations import alternatives, choice_words, is_list, is_model, item_type, markers

INDEX = "N"
"""Stands in a flag's path where the user writes the number of a list's item, from 0."""

_FILES = {
    MediaKind.VIDEO: "VIDEO",
    MediaKind.AUDIO: "AUDIO",
    MediaKind.IMAGE: "IMAGE",
    MediaKind.SUBTITLE: "SUBTITLES",
}
_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_MOST_CHOICES_SHOWN = 4


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
        return bool(self.types) and all(is_list(item) for item in self.types)

    @property
    def is_required(self) -> bool:
        """True where a request without it is refused; fields inside an optional one are not meant."""
        return len(self.path) == 1 and self.info.is_required()

    @property
    def metavar(self) -> str:
        """What stands for the value in help: a kind of file, a kind of value, or the choices."""
        if marker := next((item for item in markers(self.info) if isinstance(item, MediaField)), None):
            return _FILES[marker.kind]
        if self.is_list:
            return "ITEM"
        choices = choice_words(self.types)
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
        choices = choice_words(self.types)
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


def flags_of(model: type[BaseModel]) -> tuple[Flag, ...]:
    """A flag for every field of the model and of the models inside it, in the model's order."""
    return tuple(dict.fromkeys(_flags(model, (), (model,))))


def _flags(model: type[BaseModel], prefix: tuple[str, ...], above: tuple[type, ...]) -> Iterator[Flag]:
    for name, info in model.model_fields.items():
        path = (*prefix, name)
        types = tuple(alternatives(info.annotation))
        inner = [item for item in types if is_model(item) and item not in above]
        if len(inner) < len(types):
            yield Flag(path, info, types)
        for item in inner:
            yield from _flags(item, path, (*above, item))
        for item in types:
            for listed in alternatives(item_type(item)):
                if is_model(listed) and listed not in above:
                    yield from _flags(listed, (*path, INDEX), (*above, listed))


def _range(info: FieldInfo) -> str:
    """`0.1 to 300`, or the single limits."""
    limits: dict[str, float] = {}
    for item in markers(info):
        for kind, name in ((Gt, "gt"), (Ge, "ge"), (Lt, "lt"), (Le, "le")):
            if isinstance(item, kind):
                limits[_SIGNS[name]] = getattr(item, name)
    if set(limits) == {">=", "<="}:
        return f"{limits['>=']:g} to {limits['<=']:g}"
    return ", ".join(f"{sign} {limit:g}" for sign, limit in limits.items())
