"""The OpenAPI document: valid, whole, and true to the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE, job_request, split_options
from apigpu_runtime.proxy.openapi.openapi import openapi_document
from apigpu_runtime.remote import refuse_local_paths


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


@pytest.fixture(scope="module")
def document(registry: Registry) -> dict[str, Any]:
    return openapi_document(registry, version="1.2.3", public_url="https://video.example.com")


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "https://video.example.com"}]


def test_it_is_valid_without_any_operation() -> None:
    validate(openapi_document(Registry(), version="1"))


def test_every_operation_has_its_own_tag_and_paths(document: dict[str, Any], registry: Registry) -> None:
    for name in [*registry.operations, PIPELINE]:
        for path in (f"/video/{name}", f"/video/{name}/dry-run", f"/video/{name}/preview"):
            assert document["paths"][path]["post"]["tags"] == [name]
    assert {tag["name"] for tag in document["tags"]} >= set(registry.operations)


def test_operation_ids_are_unique_and_everything_is_told_in_words(document: dict[str, Any]) -> None:
    ids = [item["operationId"] for _, _, item in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, item in operations(document):
        assert item["summary"], (path, method)
        assert all(parameter.get("description") for parameter in item.get("parameters", [])), (path, method)


def test_errors_are_problems_in_both_content_types(document: dict[str, Any]) -> None:
    for path, method, item in operations(document):
        failing = {status: told for status, told in item["responses"].items() if status[0] in "45"}
        assert {"401", "429", "500"} <= set(failing), (path, method)
    for answer in document["components"]["responses"].values():
        assert set(answer["content"]) == {"application/json", "application/problem+json"}


def test_examples_are_requests_that_would_be_taken(document: dict[str, Any], registry: Registry) -> None:
    for name in [*registry.operations, PIPELINE]:
        schema = body_schema(document, f"/video/{name}")
        for example in schema["examples"]:
            jsonschema.Draft202012Validator(inlined(document, schema)).validate(example)
            fields, _ = split_options(example)
            refuse_local_paths(job_request(registry, name, fields))
            assert example


def test_every_field_and_option_is_there_described(document: dict[str, Any], registry: Registry) -> None:
    for name, operation in registry.operations.items():
        properties = body_schema(document, f"/video/{name}")["properties"]
        assert set(properties) == {*operation.input.model_fields, "output", "webhook_url"}
        assert "facts" in body_schema(document, f"/video/{name}/dry-run")["properties"]
        form = document["paths"][f"/video/{name}"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert set(form["properties"]) == set(properties)


def test_media_fields_are_web_addresses_and_files_in_forms(document: dict[str, Any]) -> None:
    schema = body_schema(document, "/video/caption")["properties"]["url_video"]
    assert (schema["format"], schema["pattern"][:9]) == ("uri", "^https?:/")
    form = document["paths"]["/video/caption"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["url_video"]["format"] == "binary"


def test_webhooks_and_keys_are_told(document: dict[str, Any]) -> None:
    told = document["webhooks"]["finished"]["post"]
    assert {item["name"] for item in told["parameters"]} == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert document["components"]["securitySchemes"]["ApiKey"]["name"] == "X-API-Key"
    assert document["paths"]["/health"]["get"]["security"] == []


def test_it_is_the_same_each_time(document: dict[str, Any], registry: Registry) -> None:
    assert openapi_document(registry, version="1.2.3", public_url="https://video.example.com") == document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def body_schema(document: dict[str, Any], path: str) -> dict[str, Any]:
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def inlined(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": document["components"]}
