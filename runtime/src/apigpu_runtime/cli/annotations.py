"""What a field's annotation allows, whatever it is wrapped in: the types, the choices, the limits."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_LISTS = (list, tuple, set, frozenset)


def alternatives(annotation: Any) -> Iterator[Any]:
    """The types that a field may have, without None, `Annotated` and the unions around them."""
    if hasattr(annotation, "__value__"):
        annotation = annotation.__value__
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from alternatives(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for item in get_args(annotation):
            yield from alternatives(item)
    elif annotation is not type(None):
        yield annotation


def is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)


def is_list(item: Any) -> bool:
    return get_origin(item) in _LISTS or item in _LISTS


def item_type(item: Any) -> Any:
    """The type of a list's items; None for what is no list."""
    return get_args(item)[0] if is_list(item) and get_args(item) else None


def takes_json(item: Any) -> bool:
    return is_model(item) or is_list(item) or get_origin(item) is dict or item is dict


def choice_values(types: Iterable[Any]) -> list[Any]:
    values: list[Any] = []
    for item in types:
        if get_origin(item) is Literal:
            values.extend(get_args(item))
        elif isinstance(item, type) and issubclass(item, enum.Enum):
            values.extend(member.value for member in item)
    return values


def choice_words(types: Iterable[Any]) -> list[str]:
    return [str(value) for value in choice_values(types)]


def markers(info: FieldInfo) -> list[Any]:
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
