"""Workflows for n8n, kept as text that a reviewer reads, and checked against what n8n's nodes take.

`APIGPU_UPDATE_GOLDEN=1 pytest tests/n8n` writes them anew. That n8n really runs one is shown by scripts/n8n-check.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

import httpx2
import jsonschema
import pytest
from pydantic import BaseModel, Field
from starlette.applications import Starlette

from apigpu import Clip, Input, Media, VideoUrl, operation
from apigpu.errors import InputError
from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.endpoint.client import http_over
from apigpu_runtime.job import job_request, split_options
from apigpu_runtime.proxy.example_requests import example_fields, example_request
from apigpu_runtime.proxy.n8n import n8n_routes, n8n_workflow, workflow_of
from apigpu_runtime.proxy.problems import error_handlers
from n8n_support import WORKFLOW

GOLDEN = Path(__file__).parent.parent / "golden"
PUBLIC_URL = "https://video.example.com"
NAMES = ("addaudio", "caption", "img2vid", "pipeline")
RESUME_URL = "http://n8n:5678/webhook-waiting/7?signature=ab%2Fc&more=1"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


def posted_by(workflow: dict[str, Any]) -> dict[str, Any]:
    """The body that n8n sends: everything in double braces replaced by what it stands for."""
    (submit,) = (node for node in workflow["nodes"] if node["name"] == "Submit")
    text: str = submit["parameters"]["jsonBody"]
    assert text.startswith("=")
    assert text.count("{{") == 1
    body: dict[str, Any] = json.loads(text[1:].replace("{{ $execution.resumeUrl }}", RESUME_URL))
    return body


@pytest.mark.parametrize("name", NAMES)
def test_the_workflow_is_the_one_that_was_reviewed(name: str, registry: Registry) -> None:
    text = json.dumps(workflow_of(name, example_request(registry, name), PUBLIC_URL), indent=2) + "\n"
    golden = GOLDEN / f"n8n-{name}.json"
    if os.environ.get("APIGPU_UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", NAMES)
def test_n8n_takes_the_workflow(name: str, registry: Registry) -> None:
    workflow = workflow_of(name, example_request(registry, name), PUBLIC_URL)
    jsonschema.Draft202012Validator(WORKFLOW, format_checker=jsonschema.FormatChecker()).validate(workflow)
    names = [node["name"] for node in workflow["nodes"]]
    ids = [node["id"] for node in workflow["nodes"]]
    ends = [link["node"] for item in workflow["connections"].values() for ways in item["main"] for link in ways]
    assert len(set(names)) == len(set(ids)) == len(names)
    assert {*workflow["connections"], *ends} == {*names} - {"Read me"}


@pytest.mark.parametrize("name", NAMES)
def test_what_n8n_would_post_is_a_request_that_is_taken(name: str, registry: Registry) -> None:
    body = posted_by(workflow_of(name, example_request(registry, name), PUBLIC_URL))
    fields, options = split_options(body)
    assert job_request(registry, name, fields).steps
    assert options.webhook_url == RESUME_URL


def test_the_key_goes_to_this_server_and_nowhere_else(registry: Registry) -> None:
    workflow = n8n_workflow(registry.get("caption"), f"{PUBLIC_URL}/")
    keyed = [node["parameters"]["url"] for node in workflow["nodes"] if "credentials" in node]
    assert keyed == [
        f"{PUBLIC_URL}/video/caption",
        f"={PUBLIC_URL}/jobs/{{{{ $('Submit').first().json.id }}}}",
    ]


class Look(BaseModel):
    shade: Literal["dark", "light"]


class OddInput(Input):
    """A stranger's: nothing here has an example."""

    url_video: VideoUrl
    words: list[str] = Field(min_length=2)
    look: Look
    level: int = Field(ge=3, le=9)
    rate: float = Field(multiple_of=0.5)
    text: str = Field(examples=["{{ $json.secret }} and }}"])


class OneOfTwo(Input):
    """Takes one of two, which a schema cannot say."""

    left: str = ""
    right: str = Field("", examples=["r"])

    def model_post_init(self, context: object) -> None:
        if bool(self.left) == bool(self.right):
            raise ValueError("needs one of left and right")


@operation("odd")
def odd(request: OddInput, media: Media) -> Clip:
    """Do something odd."""
    return media.video(request.url_video)


@operation("one-of-two")
def one_of_two(request: OneOfTwo, media: Media) -> Clip:
    """Take one."""
    raise InputError("never built")


@pytest.mark.parametrize("item", [odd, one_of_two])
def test_a_strangers_operation_gets_a_workflow_too(item: Operation) -> None:
    body = posted_by(n8n_workflow(item, PUBLIC_URL))
    assert body.pop("webhook_url") == RESUME_URL
    assert body == example_fields(item)
    assert job_request(Registry({item.name: item}), item.name, body).steps


@pytest.mark.anyio
async def test_the_workflow_comes_as_a_file_under_the_operations_address(registry: Registry) -> None:
    app = Starlette(routes=list(n8n_routes(registry, public_url=PUBLIC_URL)), exception_handlers=error_handlers)
    async with http_over(app) as http:
        response = await http.get("http://test/operations/caption/n8n.json")
        missing = await http.get("http://test/operations/blur/n8n.json")
    assert response.json() == n8n_workflow(registry.get("caption"), PUBLIC_URL)
    assert response.headers["content-disposition"] == 'attachment; filename="apigpu-caption.n8n.json"'
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_operation")


@pytest.mark.anyio
async def test_without_a_public_address_the_workflow_calls_the_one_that_was_asked(registry: Registry) -> None:
    async with http_over(Starlette(routes=list(n8n_routes(registry)))) as http:
        response: httpx2.Response = await http.get("http://127.0.0.1:8123/operations/pipeline/n8n.json")
    assert "http://127.0.0.1:8123/video/pipeline" in response.text
