"""The schemas of the OpenAPI document: pydantic's own, put together to what a request really is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.bodies.field_types import media_fields
from apigpu_runtime.proxy.dry_runs.facts import MODELS
from apigpu_runtime.proxy.example_requests import example_fields, example_pipeline
from apigpu_runtime.proxy.openapi.openapi_examples import whole_example
from apigpu_runtime.remote import WEB_ADDRESS
from apigpu_runtime.request import MAX_STEPS

Schema = dict[str, Any]


class Schemas:
    """The components of one document. `answers` are the models of what the server sends."""

    def __init__(
        self, registry: Registry, answers: Iterable[type[BaseModel]], asked: Iterable[type[BaseModel]]
    ) -> None:
        self._registry = registry
        inputs: list[type[BaseModel]] = [item.input for item in registry.operations.values()]
        wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
        inputs += [Options, *MODELS.values(), *asked]
        wanted += [(model, "validation") for model in dict.fromkeys(inputs)]
        wanted += [(model, "serialization") for model in answers]
        self._refs, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
        self.components: Schema = _over_http(found["$defs"])
        for operation in registry.operations.values():
            self._add_operation(operation)
        if registry.operations:
            self._add_pipeline()

    def answer(self, model: type[BaseModel]) -> Schema:
        return dict(self._refs[model, "serialization"])

    def asked(self, model: type[BaseModel]) -> Schema:
        return dict(self._refs[model, "validation"])

    def request(self, operation: Operation | None) -> Schema:
        """What an operation is sent, or a pipeline without one."""
        return ref(f"{_title(operation)}Request")

    def with_facts(self, operation: Operation | None) -> Schema:
        return ref(f"{_title(operation)}DryRunRequest")

    def form(self, operation: Operation) -> Schema:
        """The same as a form: files in place of addresses, and no null, which a form cannot say."""
        schema = self._request(operation)
        properties = {name: _without_null(part) for name, part in schema["properties"].items()}
        for name, kind in media_fields(operation).items():
            told = properties[name].get("description", "")
            properties[name] = {
                "type": "string",
                "format": "binary",
                "minLength": 1,
                "description": f"{told} Here the file itself ({kind.value}), or its address as text.".strip(),
            }
        return {**schema, "properties": properties}

    def _add_operation(self, operation: Operation) -> None:
        title = _title(operation)
        schema = self._request(operation)
        self.components[f"{title}Request"] = schema
        self.components[f"{title}DryRunRequest"] = _with_property(schema, "facts", self._facts(operation))
        self.components[f"{title}FirstStep"] = self._step(operation, without=None)
        if operation.main_field is not None:
            self.components[f"{title}Step"] = self._step(operation, without=operation.main_field)

    def _add_pipeline(self) -> None:
        operations = list(self._registry.operations.values())
        first = _choice([f"{_title(item)}FirstStep" for item in operations], operations)
        binding = [item for item in operations if item.main_field is not None]
        steps: Schema = {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_STEPS,
            "prefixItems": [first],
            "items": _choice([f"{_title(item)}Step" for item in binding], binding) if binding else False,
            "description": "The first step brings the video or makes it; the others work on the step before, and "
            "leave out their main media field.",
        }
        options = self._properties(Options)
        schema: Schema = {
            "type": "object",
            "description": "Several operations as one job: one graph, one encode, no files between.",
            "properties": {"steps": steps, **options},
            "required": ["steps"],
            "additionalProperties": False,
            "examples": [example_pipeline(self._registry)],
        }
        self.components["PipelineRequest"] = schema
        facts = {"type": "object", "additionalProperties": _any_facts(), "description": _FACTS}
        self.components["PipelineDryRunRequest"] = _with_property(schema, "facts", facts)

    def _request(self, operation: Operation) -> Schema:
        own = self.components[_name(self.asked(operation.input))]
        properties = {**own.get("properties", {}), **self._properties(Options)}
        kept = {key: value for key, value in own.items() if key not in {"title", "examples"}}
        return {
            **kept,
            "type": "object",
            "description": operation.summary,
            "properties": properties,
            "additionalProperties": False,
            "examples": [example_fields(operation), whole_example(operation)],
        }

    def _step(self, operation: Operation, *, without: str | None) -> Schema:
        own = self.components[_name(self.asked(operation.input))]
        properties = {name: part for name, part in own.get("properties", {}).items() if name != without}
        named = {"type": "string", "const": operation.name}
        kept = {key: value for key, value in own.items() if key != "title"}
        return {
            **kept,
            "description": operation.summary,
            "properties": {"operation": named, **properties},
            "required": ["operation", *(name for name in own.get("required", []) if name != without)],
            "additionalProperties": False,
        }

    def _facts(self, operation: Operation) -> Schema:
        """Facts go by the place of the address; those inside lists and objects are not listed one by one."""
        places = {name: self.asked(MODELS[kind]) for name, kind in media_fields(operation).items()}
        nested: Schema | bool = _any_facts() if len(_addresses(operation)) > len(places) else False
        return {"type": "object", "properties": places, "additionalProperties": nested, "description": _FACTS}

    def _properties(self, model: type[BaseModel]) -> Schema:
        found = self.components[_name(self.asked(model))]["properties"]
        assert isinstance(found, dict)
        return found


_FACTS = (
    "What is known of the media, by the place of each address, such as `url_video` or `images.0.image_url`. Media "
    "whose facts are here are not fetched."
)


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _title(operation: Operation | None) -> str:
    words = operation.name.split("-") if operation else ["pipeline"]
    return "".join(word.capitalize() for word in words)


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rsplit("/", 1)[-1]


def _choice(names: list[str], operations: list[Operation]) -> Schema:
    mapping = {item.name: ref(name)["$ref"] for item, name in zip(operations, names, strict=True)}
    return {
        "oneOf": [ref(name) for name in names],
        "discriminator": {"propertyName": "operation", "mapping": mapping},
    }


def _any_facts() -> Schema:
    return {"anyOf": [ref(model.__name__) for model in MODELS.values()]}


def _with_property(schema: Schema, name: str, part: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], name: part}}


def _addresses(operation: Operation) -> list[Schema]:
    """Every media address in the operation's schema, at any depth."""
    found: list[Schema] = []

    def walk(part: Any) -> None:
        if isinstance(part, list):
            for item in part:
                walk(item)
        elif isinstance(part, dict):
            if "contentMediaType" in part:
                found.append(part)
            for item in part.values():
                walk(item)

    walk(operation.input.model_json_schema())
    return found


def _without_null(schema: Schema) -> Schema:
    branches = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
    if len(branches) != 1 or len(branches) == len(schema.get("anyOf", [])):
        return schema
    kept = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    return {**branches[0], **kept}


def _over_http(part: Any) -> Any:
    """The same schema where media addresses are http(s) URLs: paths are for the command line."""
    if isinstance(part, list):
        return [_over_http(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _over_http(value) for key, value in part.items()}
    if found.get("format") == "uri-reference" and "contentMediaType" in found:
        # Not `contentMediaType`: of a text it would say what the text itself is.
        kind = found.pop("contentMediaType")
        found |= {"format": "uri", "pattern": WEB_ADDRESS, "x-media-type": kind}
    return found
