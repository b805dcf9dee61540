"""What a model says of the field at a path: by annotation, through lists, unions and models."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from apigpu.media.fields import MediaField, MediaKind
from apigpu.operations import Operation

Path = tuple[str, ...]


def annotation_at(root: Any, path: Sequence[str]) -> Any | None:
    """The annotation, markers included, of what stands at `path` below a model or an annotation; None if nothing
    can stand there."""
    if not path:
        return root
    for inner in _choices(root):
        for below in _below(inner, path[0]):
            found = annotation_at(below, path[1:])
            if found is not None:
                return found
    return None


def json_types(annotation: Any) -> set[str]:
    """JSON's words for what a value may be; empty where it may be anything."""
    return set(_types_of(annotation))


@lru_cache(maxsize=1024)
def _types_of(annotation: Any) -> frozenset[str]:
    schema = TypeAdapter(annotation).json_schema()
    found: set[str] = set()
    _collect(schema, schema.get("$defs", {}), found)
    return frozenset(found)


def media_kind(annotation: Any) -> MediaKind | None:
    """The kind of file whose address an annotation takes."""
    for inner in _markers(annotation):
        if isinstance(inner, MediaField):
            return inner.kind
    return None


def media_fields(operation: Operation) -> dict[str, MediaKind]:
    """The media fields at the top of an operation's input, in order."""
    found = {name: media_kind(_annotation(info)) for name, info in operation.input.model_fields.items()}
    return {name: kind for name, kind in found.items() if kind is not None}


def _choices(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of, through Annotated and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _choices(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for inner in get_args(annotation):
            yield from _choices(inner)
    else:
        yield annotation


def _below(annotation: Any, name: str) -> Iterator[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from (_annotation(info) for key, info in annotation.model_fields.items() if name in _names(key, info))
    elif origin in {dict, Mapping} and len(arguments) == 2:
        yield arguments[1]
    elif origin is tuple and name.isdecimal() and arguments and arguments[-1] is not ...:
        yield from arguments[int(name) : int(name) + 1]
    elif origin in {list, tuple, set, frozenset, Sequence} and name.isdecimal() and arguments:
        yield arguments[0]


def _names(key: str, info: FieldInfo) -> set[str]:
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return {key, *(choice for choice in alias.choices if isinstance(choice, str))}
    return {key, alias} if isinstance(alias, str) else {key}


def _annotation(info: FieldInfo) -> Any:
    """With what pydantic has taken out of it: the markers stand in `metadata`."""
    found: Any = info.annotation
    for item in info.metadata:
        found = Annotated[found, item]
    return found


def _markers(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *markers = get_args(annotation)
        yield from markers
        yield from _markers(inner)
    elif origin in {Union, types.UnionType}:
        for inner in get_args(annotation):
            yield from _markers(inner)


def _collect(schema: Mapping[str, Any], defs: Mapping[str, Any], found: set[str], depth: int = 0) -> None:
    if depth > 20:
        return
    if "$ref" in schema:
        _collect(defs.get(schema["$ref"].rsplit("/", 1)[-1], {}), defs, found, depth + 1)
    kind = schema.get("type")
    found.update([kind] if isinstance(kind, str) else kind or ())
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        _collect(branch, defs, found, depth + 1)
    for value in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])):
        found.add(_JSON_TYPES.get(type(value), "null"))


_JSON_TYPES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
