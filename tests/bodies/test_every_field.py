"""Every field of every operation, filled in wrongly in every way that its schema knows: told by its path, and never
submitted."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from apigpu.registry import Registry
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.example_requests import example_fields
from bodies_support import body_app

Path = tuple[str | int, ...]
Schema = dict[str, Any]

REGISTRY = Registry.discover()
OF_OTHER_TYPES: dict[str, list[Any]] = {
    "string": [5, True, ["x"], {"x": 1}],
    "number": ["5", True, [1], {"x": 1}],
    "integer": ["5", 1.5, True, [1]],
    "boolean": ["true", 1, 0],
    "array": ["x", {"x": 1}, 5],
    "object": ["x", [], 5],
}
WORDS = {"minimum": -1, "maximum": 1, "exclusiveMinimum": 0, "exclusiveMaximum": 0}


def wrong_values(schema: Schema, root: Schema) -> Iterator[Any]:
    """Values that the schema forbids."""
    branches = [resolved(part, root) for part in schema.get("anyOf", [schema])]
    types = {part.get("type") for part in branches}
    if "null" not in types:
        yield None
    for part in branches:
        for value in OF_OTHER_TYPES.get(part.get("type", ""), []):
            if not any(fits(value, other) for other in types if other):
                yield value
        if "enum" in part:
            yield "no such word"
        for word, step in WORDS.items():
            if word in part:
                yield part[word] + step
        if "maxLength" in part:
            yield (
                ("https://example.com/" + "x" * part["maxLength"])
                if "format" in part
                else "x" * (part["maxLength"] + 1)
            )
        if part.get("minLength", 0) > 0:
            yield ""
        if "pattern" in part:
            yield "!"
        if "multipleOf" in part:
            yield part["minimum"] + part["multipleOf"] / 2
        if "maxItems" in part:
            yield [example_item(part, root)] * (part["maxItems"] + 1)


def fits(value: Any, kind: str) -> bool:
    match kind:
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "boolean": bool, "array": list, "object": dict}.get(kind, ()))


def resolved(schema: Schema, root: Schema) -> Schema:
    if "$ref" in schema:
        found: Schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        return found
    return schema


def example_item(schema: Schema, root: Schema) -> Any:
    item = resolved(schema["items"], root)
    return {name: item["properties"][name]["examples"][0] for name in item.get("required", [])}


def fields(schema: Schema, root: Schema, path: Path = ()) -> Iterator[tuple[Path, Schema]]:
    """Each field at any depth: of lists, those of the first item."""
    for name, part in schema.get("properties", {}).items():
        yield (*path, name), part
        for branch in part.get("anyOf", [part]):
            inner = resolved(branch, root)
            if inner.get("type") == "object":
                yield from fields(inner, root, (*path, name))
            elif inner.get("type") == "array":
                yield from fields(resolved(inner["items"], root), root, (*path, name, 0))


def cases() -> Iterator[tuple[str, Path, Any]]:
    for name, operation in REGISTRY.operations.items():
        for model in (operation.input, Options):
            root = model.model_json_schema()
            for path, schema in fields(root, root):
                seen: list[Any] = []
                for value in wrong_values(resolved(schema, root) if "$ref" in schema else schema, root):
                    if not any(type(value) is type(other) and value == other for other in seen):
                        seen.append(value)
                        yield name, path, value
                yield name, (*path[:-1], "no_such_field"), 1


def with_value(operation: str, path: Path, value: Any) -> dict[str, Any]:
    """A request that is right but for that value."""
    document: Any = copy.deepcopy(example_fields(REGISTRY.get(operation)))
    if path[0] == "images":
        document.pop("url_image", None)
    place = document
    for depth, name in enumerate(path[:-1]):
        following = path[depth + 1]
        if isinstance(place, list):
            while len(place) <= int(name):
                place.append({"image_url": "https://example.com/1.jpg"})
            place = place[int(name)]
        else:
            place = place.setdefault(name, [] if isinstance(following, int) else {})
    place[path[-1]] = value
    return dict(document)


ALL = list(cases())


@pytest.fixture(scope="module")
def submitted() -> list[Any]:
    return []


@pytest.fixture(scope="module")
def client(submitted: list[Any]) -> TestClient:
    return TestClient(body_app(REGISTRY, submitted=submitted, max_json_bytes=2 << 20))


def test_there_are_cases_of_every_field() -> None:
    told = {(name, path) for name, path, _ in ALL}
    for name, operation in REGISTRY.operations.items():
        for field in operation.input.model_fields:
            assert (name, (field,)) in told
    assert len(ALL) > 250


@pytest.mark.parametrize("operation", list(REGISTRY.operations))
def test_a_wrong_value_is_told_by_its_path_and_never_submitted(
    client: TestClient, submitted: list[Any], operation: str
) -> None:
    for name, path, value in ALL:
        if name != operation:
            continue
        answer = client.post(f"/video/{name}", json=with_value(name, path, value))
        place = ".".join(map(str, path))
        shown = (place, str(value)[:60])
        assert 400 <= answer.status_code < 500, shown
        paths = [item["path"] for item in answer.json()["errors"]]
        # Of a value of the wrong type in place of a list or object, pydantic may tell the first item.
        assert any(found == place or found.startswith(f"{place}.") for found in paths), (shown, paths)
        assert submitted == [], shown


def test_the_same_in_a_step_of_a_pipeline(client: TestClient, submitted: list[Any]) -> None:
    first = {"operation": "img2vid", "url_image": "https://example.com/a.jpg"}
    for name, path, value in ALL:
        operation = REGISTRY.get(name)
        if operation.main_field is None or path[0] in {operation.main_field, *Options.model_fields}:
            continue
        fields = with_value(name, path, value)
        fields.pop(str(operation.main_field))
        answer = client.post("/video/pipeline", json={"steps": [first, {"operation": name, **fields}]})
        place = ".".join(map(str, ("steps", 1, *path)))
        paths = [item["path"] for item in answer.json()["errors"]]
        assert 400 <= answer.status_code < 500
        assert any(found == place or found.startswith(f"{place}.") for found in paths), (place, value, paths)
    assert submitted == []
