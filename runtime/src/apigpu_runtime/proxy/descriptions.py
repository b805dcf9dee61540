"""Operations as clients read about them: schema, example, addresses."""

from __future__ import annotations

from typing import Any

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE, Options
from apigpu_runtime.proxy.example_requests import example_fields, example_request
from apigpu_runtime.request import MAX_STEPS

_PIPELINE_SUMMARY = "Run several operations as one graph, with one encode."


def summarise(operation: Operation, public_url: str) -> dict[str, Any]:
    """What a list of operations tells of one."""
    return {
        "name": operation.name,
        "summary": operation.summary,
        "distribution": operation.distribution,
        "version": operation.version,
        "main_field": operation.main_field,
        "links": _links(operation.name, public_url),
    }


def describe(operation: Operation, public_url: str) -> dict[str, Any]:
    """All there is to know: `schema` is of the operation's own fields, `options` of those that all have."""
    return {
        **summarise(operation, public_url),
        "schema": operation.input.model_json_schema(),
        "options": Options.model_json_schema(),
        "example": example_fields(operation),
    }


def describe_pipeline(registry: Registry, public_url: str) -> dict[str, Any]:
    """The same of the pipeline, whose steps are the operations."""
    step = {
        "type": "object",
        "required": ["operation"],
        "properties": {"operation": {"enum": list(registry.operations)}},
        "description": "An operation's name and fields; after the first step without its main media field.",
    }
    steps = {"type": "array", "minItems": 1, "maxItems": MAX_STEPS, "items": step}
    return {
        "name": PIPELINE,
        "summary": _PIPELINE_SUMMARY,
        "links": _links(PIPELINE, public_url),
        "schema": {"type": "object", "required": ["steps"], "properties": {"steps": steps}},
        "options": Options.model_json_schema(),
        "example": example_request(registry, PIPELINE) if registry.operations else None,
    }


def _links(name: str, public_url: str) -> dict[str, str]:
    return {"self": f"{public_url}/operations/{name}", "run": f"{public_url}/video/{name}"}
