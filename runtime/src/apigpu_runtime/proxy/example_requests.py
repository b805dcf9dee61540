"""A request that works, built from nothing but an operation's schema: its required fields, with their examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apigpu.errors import InputError
from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE
from apigpu_runtime.validation import validate_request

_MEDIA = {
    "video/*": "https://example.com/video.mp4",
    "audio/*": "https://example.com/sound.mp3",
    "image/*": "https://example.com/photo.jpg",
    "text/*": "https://example.com/subtitles.srt",
}
_PLAIN: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1, "boolean": True, "array": [], "null": None}
_DEEPEST = 20

Schema = Mapping[str, Any]


def example_fields(operation: Operation) -> dict[str, Any]:
    """Fields of an operation that its model accepts, if its examples are any good: as few as can be."""
    schema = operation.input.model_json_schema()
    needed = _object_example(schema, schema, 0)
    return next((fields for fields in _candidates(needed, schema) if _is_accepted(operation, fields)), needed)


def example_pipeline(registry: Registry) -> dict[str, Any]:
    """A pipeline of everything that is installed: what takes no video begins it."""
    operations = sorted(registry.operations.values(), key=lambda item: item.main_field is not None)
    first, later = operations[0], [item for item in operations[1:] if item.main_field is not None]
    steps = [{"operation": first.name, **example_fields(first)}]
    for item in later[:2]:
        fields = {name: value for name, value in example_fields(item).items() if name != item.main_field}
        steps.append({"operation": item.name, **fields})
    return {"steps": steps}


def example_request(registry: Registry, operation: str) -> dict[str, Any]:
    """An example for an operation, or for `pipeline`. Raises InputError for a name that is neither."""
    if operation == PIPELINE and registry.operations:
        return example_pipeline(registry)
    return example_fields(registry.get(operation))


def _candidates(needed: dict[str, Any], schema: Schema) -> Iterator[dict[str, Any]]:
    """What is required; then also one more field, since some models want one of several."""
    yield needed
    for name, field in schema.get("properties", {}).items():
        if name not in needed:
            yield {**needed, name: _example(field, schema, 0)}


def _is_accepted(operation: Operation, fields: Mapping[str, Any]) -> bool:
    try:
        validate_request(operation, fields)
    except InputError:
        return False
    return True


def _object_example(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    fields = schema.get("properties", {})
    return {name: _example(fields.get(name, {}), root, depth + 1) for name in schema.get("required", [])}


def _example(schema: Schema, root: Schema, depth: int) -> Any:
    if depth > _DEEPEST:
        return None
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    for word in ("const", "default"):
        if schema.get(word) is not None:
            return schema[word]
    if "$ref" in schema:
        return _example(_target(schema["$ref"], root), root, depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return _example(schema[word][0], root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: Schema, root: Schema, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object_example(schema, root, depth)
    if kind == "array":
        return [_example(schema.get("items", {}), root, depth + 1)] * max(1, schema.get("minItems", 0))
    if kind in {"integer", "number"}:
        return schema.get("minimum", schema.get("maximum", 1))
    return _MEDIA.get(schema.get("contentMediaType", ""), _PLAIN.get(str(kind)))


def _target(reference: str, root: Schema) -> Schema:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    assert isinstance(found, dict)
    return found
