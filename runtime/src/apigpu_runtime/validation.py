"""From pydantic's findings to sentences: which field, what is wrong with it, what to do."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from apigpu.errors import ApiGpuError, InputError
from apigpu.operations import Input, Operation
from apigpu_runtime.addresses import without_secrets

_SHOWN_CHARACTERS = 60
_MOST_FINDINGS = 200
_MOST_FAULTS = 50
"""Who sends thousands of wrong fields is told of the first."""


Model = TypeVar("Model", bound=BaseModel)


def validate_request(operation: Operation, data: Mapping[str, Any], *, where: str = "") -> Input:
    """The request that `data` describes, JSON-like, checked against the operation's input model.

    `where` is put before the paths in messages (`steps.1`). Raises InputError: one fault is told with its
    `where`, several one a line, each in `faults` too.
    """
    return validate_model(operation.input, data, where=where, title=f"the request for {operation.name}")


def validate_model(model: type[Model], data: object, *, where: str = "", title: str = "the request") -> Model:
    """The same for any model."""
    try:
        # As JSON, since strict models take lists for tuples and words for enums only from there.
        return model.model_validate_json(_as_json(data))
    except ValidationError as error:
        findings = _without_other_branches(error.errors(include_url=False)[:_MOST_FINDINGS], data)
        faults = dict.fromkeys(_fault(item, data, model, where) for item in findings)
        raise _error(title, list(faults)[:_MOST_FAULTS], count=max(len(faults), error.error_count())) from None


def _as_json(data: object) -> str:
    try:
        return json.dumps(data)
    except (TypeError, ValueError) as error:
        raise InputError(f"the request is not plain JSON data: {error}.", code="invalid_input") from error


_Found = tuple[str, str, str]
"""Where, what, and what to do."""


def _error(title: str, found: Sequence[_Found], *, count: int) -> InputError:
    faults = tuple(
        InputError(message, code="invalid_input", where=where, remedy=remedy) for where, message, remedy in found
    )
    if len(faults) == 1:
        return faults[0]
    lines = [str(fault) for fault in faults]
    more = count > _MOST_FAULTS
    head = f"{count if more else len(faults)} things in {title} are wrong{', first of all' if more else ''}:"
    return InputError("\n  ".join([head, *lines]), code="invalid_input", faults=faults)


def _fault(item: ErrorDetails, data: object, model: type[BaseModel], where: str) -> _Found:
    path = _path(item, data)
    place = ".".join(part for part in (where, *map(str, path)) if part)
    inner = item.get("ctx", {}).get("error")
    if isinstance(inner, ApiGpuError):
        return (f"{place}.{inner.where}" if inner.where else place, inner.message, inner.remedy)
    if item["type"] == "string_pattern_mismatch":
        return place, _pattern_sentence(item, _field_at(model, path)), ""
    if item["type"] == "extra_forbidden":
        near = _nearest(str(path[-1]), _names_at(model, path[:-1]))
        return place, "there is no such field.", near
    return place, _sentence(item), ""


def _path(item: ErrorDetails, data: object) -> list[str | int]:
    """The error's place in the user's words; pydantic also names branches of unions, which nobody wrote."""
    path: list[str | int] = []
    for number, part in enumerate(item["loc"]):
        last = number == len(item["loc"]) - 1
        has_part = part in data if isinstance(data, dict) else _is_item(data, part)
        if has_part:
            data = data[part]  # type: ignore[index]
        if has_part or (last and item["type"] == "missing"):
            path.append(part)
    return path


def _is_item(data: object, part: object) -> bool:
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _without_other_branches(items: Sequence[ErrorDetails], data: object) -> list[ErrorDetails]:
    """Leaves out "it is not even that type" of a union's branches where another branch has more to say."""
    places = [tuple(_path(item, data)) for item in items]
    kept = [
        item
        for item, place in zip(items, places, strict=True)
        if not (
            _is_about_type(item)
            and len(item["loc"]) > len(place)
            and any(other[: len(place)] == place and other != place for other in places)
        )
    ]
    return kept or list(items)


def _is_about_type(item: ErrorDetails) -> bool:
    return item["type"].endswith("_type") or item["type"] == "none_required"


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(names)}." if names else ""


def _names_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Names of the fields that a request may have at `path`, in the model's order."""
    return [name for item in _models_at(model, path) for name in item.model_fields]


def _field_at(model: type[BaseModel], path: Sequence[str | int]) -> FieldInfo | None:
    *above, name = path
    found = (item.model_fields.get(str(name)) for item in _models_at(model, above))
    return next((info for info in found if info is not None), None)


def _models_at(model: type[BaseModel], path: Sequence[str | int]) -> list[type[BaseModel]]:
    models = [model]
    for part in path:
        if isinstance(part, str):
            found = [item.model_fields[part].annotation for item in models if part in item.model_fields]
            models = [inner for annotation in found for inner in _models_in(annotation)]
    return models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]


def _sentence(item: ErrorDetails) -> str:
    write = _SENTENCES.get(item["type"])
    if write is None:
        message = item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return message if message.endswith((".", "!", "?")) else f"{message}."
    return write(item.get("ctx", {}), _shown(item["input"]))


def _pattern_sentence(item: ErrorDetails, info: FieldInfo | None) -> str:
    """A pattern is told by an example, where the field has one."""
    examples = [example for example in (info.examples if info else None) or () if isinstance(example, str)]
    like = _shown(examples[0]) if examples else item["ctx"]["pattern"]
    return f"must look like {like}, not {_shown(item['input'])}."


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    text = without_secrets(text)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


Writer = Callable[[Mapping[str, Any], str], str]
_SENTENCES: Mapping[str, Writer] = {
    "missing": lambda ctx, value: "it is required, and missing.",
    "int_type": lambda ctx, value: f"must be a whole number, not {value}.",
    "int_from_float": lambda ctx, value: f"must be a whole number, not {value}.",
    "float_type": lambda ctx, value: f"must be a number, not {value}.",
    "finite_number": lambda ctx, value: f"must be a finite number, not {value}.",
    "bool_type": lambda ctx, value: f"must be true or false, not {value}.",
    "string_type": lambda ctx, value: f"must be a text, not {value}.",
    "string_unicode": lambda ctx, value: "must be valid Unicode text.",
    "list_type": lambda ctx, value: f"must be a list, not {value}.",
    "tuple_type": lambda ctx, value: f"must be a list, not {value}.",
    "dict_type": lambda ctx, value: f"must be an object with fields, not {value}.",
    "model_type": lambda ctx, value: f"must be an object with fields, not {value}.",
    "greater_than": lambda ctx, value: f"must be greater than {ctx['gt']:g}, not {value}.",
    "greater_than_equal": lambda ctx, value: f"must be at least {ctx['ge']:g}, not {value}.",
    "less_than": lambda ctx, value: f"must be less than {ctx['lt']:g}, not {value}.",
    "less_than_equal": lambda ctx, value: f"must be at most {ctx['le']:g}, not {value}.",
    "multiple_of": lambda ctx, value: f"must be a multiple of {ctx['multiple_of']:g}, not {value}.",
    "literal_error": lambda ctx, value: f"must be {ctx['expected']}, not {value}.",
    "enum": lambda ctx, value: f"must be {ctx['expected']}, not {value}.",
    "string_too_short": lambda ctx, value: (
        "must not be empty."
        if ctx["min_length"] == 1
        else f"needs at least {_plural(ctx['min_length'], 'character')}."
    ),
    "string_too_long": lambda ctx, value: f"may have at most {_plural(ctx['max_length'], 'character')}.",
    "too_short": lambda ctx, value: f"needs at least {_plural(ctx['min_length'], 'item')}.",
    "too_long": lambda ctx, value: f"may have at most {_plural(ctx['max_length'], 'item')}.",
}
