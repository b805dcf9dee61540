"""Media fields: string types that tell the framework what to fetch, sniff, probe and limit.

A field typed `VideoUrl` holds a URL or, where the caller is on the same machine, a path. The types work in
any nesting of an input model: `list[Slide]`, `ImageUrl | None`, a model inside a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, JsonValue
from pydantic.fields import FieldInfo


class MediaKind(StrEnum):
    VIDEO = "video"
    AUDIO = "audio"
    IMAGE = "image"
    SUBTITLE = "subtitle"


@dataclass(frozen=True)
class MediaField:
    """Marks a string field as the address of a file of one kind."""

    kind: MediaKind


def _schema(content_type: str) -> Any:
    extra: dict[str, JsonValue] = {"format": "uri-reference", "contentMediaType": content_type}
    return Field(min_length=1, max_length=4096, json_schema_extra=extra)


VideoUrl = Annotated[str, MediaField(MediaKind.VIDEO), _schema("video/*")]
AudioUrl = Annotated[str, MediaField(MediaKind.AUDIO), _schema("audio/*")]
ImageUrl = Annotated[str, MediaField(MediaKind.IMAGE), _schema("image/*")]
SubtitleUrl = Annotated[str, MediaField(MediaKind.SUBTITLE), _schema("text/*")]

PREVIOUS = "apigpu:previous"
"""The address that stands for the result of the step before, in a pipeline."""


@dataclass(frozen=True)
class MediaRef:
    """One address found in a request: where it stands (`images.2.image_url`), what it should be, and itself."""

    where: str
    kind: MediaKind
    url: str


def media_refs(request: BaseModel) -> tuple[MediaRef, ...]:
    """Every media address in a request, in field order."""
    return tuple(_walk_model(request, ""))


def main_media_field(model: type[BaseModel]) -> str | None:
    """Name of the field that a pipeline binds to the step before: the first top-level `VideoUrl`."""
    for name, info in model.model_fields.items():
        marker = _marker(info)
        if marker is not None and marker.kind is MediaKind.VIDEO:
            return name
    return None


def _walk_model(model: BaseModel, where: str) -> Iterator[MediaRef]:
    for name, annotation, marker in _marked_fields(type(model)):
        value, place = getattr(model, name), f"{where}.{name}" if where else name
        if marker is not None and isinstance(value, str):
            yield MediaRef(place, marker.kind, value)
        elif isinstance(value, BaseModel | dict | list | tuple):
            yield from _walk_value(value, annotation, marker, place)


@lru_cache(maxsize=1024)
def _marked_fields(model: type[BaseModel]) -> tuple[tuple[str, Any, MediaField | None], ...]:
    """Those fields that can hold an address. Kept, since a server walks every request."""
    return tuple(
        (name, info.annotation, _marker(info))
        for name, info in model.model_fields.items()
        if _marker(info) is not None or _may_hold(info.annotation, frozenset({model}))
    )


def _may_hold(annotation: Any, seen: frozenset[Any]) -> bool:
    """Whether an address may stand somewhere within; in doubt it may."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _marker_within(annotation) is not None or _may_hold(arguments[0], seen)
    if get_origin(annotation) is Literal:
        return False
    if arguments:
        return any(_may_hold(argument, seen) for argument in arguments if argument is not ...)
    if not isinstance(annotation, type):
        return True
    if issubclass(annotation, BaseModel):
        fields = annotation.model_fields.values()
        return annotation in seen or any(
            _marker(info) is not None or _may_hold(info.annotation, seen | {annotation}) for info in fields
        )
    return not issubclass(annotation, str | int | float | bool | bytes | NoneType)


def _walk_value(value: object, annotation: Any, marker: MediaField | None, where: str) -> Iterator[MediaRef]:
    if isinstance(value, BaseModel):
        yield from _walk_model(value, where)
    elif isinstance(value, str):
        if marker is not None:
            yield MediaRef(where, marker.kind, value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk_item(item, _item_annotation(annotation, -1), f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _walk_item(item, _item_annotation(annotation, number), f"{where}.{number}")


def _walk_item(value: object, annotation: Any, where: str) -> Iterator[MediaRef]:
    return _walk_value(value, annotation, _marker_within(annotation), where)


def _marker(info: FieldInfo) -> MediaField | None:
    direct = next((item for item in info.metadata if isinstance(item, MediaField)), None)
    return direct or _marker_within(info.annotation)


def _marker_within(annotation: Any) -> MediaField | None:
    """The marker of a bare or optional media type; a list of them is not one."""
    if get_origin(annotation) is Annotated:
        return next((item for item in get_args(annotation)[1:] if isinstance(item, MediaField)), None)
    if get_origin(annotation) in {list, tuple, dict, set}:
        return None
    return next((found for arg in get_args(annotation) if (found := _marker_within(arg))), None)


def _item_annotation(annotation: Any, number: int) -> Any:
    """The annotation of a container's item, through `| None`; a fixed tuple has one for each place."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple and arguments and arguments[-1] is not ...:
        return arguments[number]
    if origin in {list, tuple, dict}:
        return arguments[0] if origin is tuple else arguments[-1]
    for argument in arguments:
        if get_origin(argument) in {list, tuple, dict}:
            return _item_annotation(argument, number)
    return None
