"""A request with every field, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from apigpu.errors import InputError
from apigpu.operations import Operation
from apigpu_runtime.proxy.example_requests import example_fields
from apigpu_runtime.validation import validate_model


def whole_example(operation: Operation) -> dict[str, Any]:
    """The shortest request that is valid, and the examples of all fields that go with it."""
    fields = operation.input.model_fields
    chosen = dict(example_fields(operation))
    for name, info in fields.items():
        if info.examples and name not in chosen and _is_valid(operation, chosen | {name: info.examples[0]}):
            chosen[name] = info.examples[0]
    return {name: chosen[name] for name in fields if name in chosen}


def _is_valid(operation: Operation, fields: dict[str, Any]) -> bool:
    try:
        validate_model(operation.input, fields)
    except InputError:
        return False
    return True
