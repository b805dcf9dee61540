"""The JSON Schemas that forms are made from: pydantic's own, and one for pipelines."""

from __future__ import annotations

from typing import Any

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE, Options
from apigpu_runtime.request import MAX_STEPS

Schema = dict[str, Any]
_DEFINITIONS = "#/$defs/"


def operation_schema(operation: Operation) -> Schema:
    """Of the operation's own fields."""
    return operation.input.model_json_schema()


def options_schema() -> Schema:
    """Of what every request may say beside them."""
    return Options.model_json_schema()


def pipeline_schema(registry: Registry) -> Schema:
    """A list of steps, each a tagged union of the operations. `mainField` names what later steps leave out."""
    definitions: Schema = {}
    branches = []
    for operation in registry.operations.values():
        schema = _renamed(operation_schema(operation), f"{operation.name}.")
        definitions |= schema.pop("$defs", {})
        tag = {"operation": {"const": operation.name, "type": "string"}}
        schema["properties"] = tag | schema["properties"]
        schema["required"] = ["operation", *schema.get("required", [])]
        schema["mainField"] = operation.main_field
        schema["description"] = operation.summary
        definitions[operation.name] = schema
        branches.append({"$ref": f"#/$defs/{operation.name}"})
    step = {"oneOf": branches, "discriminator": {"propertyName": "operation"}, "title": "Step"}
    steps = {"type": "array", "items": step, "minItems": 1, "maxItems": MAX_STEPS, "title": "Steps"}
    return {"type": "object", "title": PIPELINE, "properties": {"steps": steps}, "required": ["steps"]} | {
        "$defs": definitions
    }


def _renamed(part: Any, prefix: str) -> Any:
    """The same schema with its definitions under other names, since two operations may use the same."""
    if isinstance(part, list):
        return [_renamed(item, prefix) for item in part]
    if isinstance(part, str):
        return f"{_DEFINITIONS}{prefix}{part.removeprefix(_DEFINITIONS)}" if part.startswith(_DEFINITIONS) else part
    if not isinstance(part, dict):
        return part
    found = {key: _renamed(value, prefix) for key, value in part.items()}
    if isinstance(found.get("$defs"), dict):
        found["$defs"] = {f"{prefix}{name}": value for name, value in found["$defs"].items()}
    return found
