"""The smallest request that an operation takes, from the examples of its fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE, job_request


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """The required fields, and one more where the model wants one of several; what there is, if none will do."""
    candidates = list(_candidates(model))
    return next((found for found in candidates if _is_valid(model, found)), candidates[0])


def pipeline_example(registry: Registry) -> dict[str, Any] | None:
    """Two steps that fit together; None where no two do."""
    for first in registry.operations.values():
        for second in registry.operations.values():
            later = {name: value for name, value in example_of(second.input).items() if name != second.main_field}
            steps = [{"operation": first.name, **example_of(first.input)}, {"operation": second.name, **later}]
            if first is not second and _fits(registry, {"steps": steps}):
                return {"steps": steps}
    return None


def _candidates(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    fields = model.model_fields.items()
    examples = {name: field.examples[0] for name, field in fields if field.examples}
    required = {name: examples[name] for name, field in fields if field.is_required() and name in examples}
    yield required
    for name, example in examples.items():
        if name not in required:
            yield {**required, name: example}


def _is_valid(model: type[BaseModel], fields: dict[str, Any]) -> bool:
    try:
        model.model_validate_json(json.dumps(fields))
    except (ValidationError, ValueError):
        return False
    return True


def _fits(registry: Registry, document: dict[str, Any]) -> bool:
    try:
        job_request(registry, PIPELINE, document)
    except ValueError:
        return False
    return True
