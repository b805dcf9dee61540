"""The OpenAPI 3.1 document: every route of the proxy, from the models themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE
from apigpu_runtime.proxy.documents import JobProblem, Problem
from apigpu_runtime.proxy.dry_runs.dry_run_documents import DryRun
from apigpu_runtime.proxy.openapi.openapi_operations import finished_webhook, operation_paths
from apigpu_runtime.proxy.openapi.openapi_parts import components
from apigpu_runtime.proxy.openapi.openapi_paths import ANSWERS, ASKED, fixed_paths
from apigpu_runtime.proxy.openapi.openapi_schemas import Schemas

_FIXED_TAGS = {
    "jobs": "What became of requests.",
    "uploads": "Files that are nowhere on the web yet.",
    "webhooks": "Messages about jobs that have ended.",
    "operations": "What is installed.",
    "server": "The server itself.",
}


def openapi_document(registry: Registry, *, version: str, public_url: str = "") -> dict[str, Any]:
    """The document for the operations at hand. `public_url` is where clients reach the server."""
    schemas = Schemas(registry, [*ANSWERS, Problem, JobProblem, DryRun], ASKED)
    operations = list(registry.operations.values())
    paths: dict[str, Any] = {}
    for operation in operations:
        paths |= operation_paths(operation, schemas)
    if operations:
        paths |= operation_paths(None, schemas)
    paths |= fixed_paths(schemas)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "apigpu",
            "version": version,
            "summary": "FFmpeg operations as endpoints.",
            "description": _ABOUT,
        },
        "servers": [{"url": public_url or "/"}],
        "security": [{"ApiKey": []}, {"Bearer": []}],
        "tags": [*_operation_tags(registry), *({"name": n, "description": t} for n, t in _FIXED_TAGS.items())],
        "paths": paths,
        "webhooks": {"finished": {"post": {"operationId": "finished", **finished_webhook(schemas)}}},
        "components": {**components(), "schemas": schemas.components},
    }
    document["components"]["schemas"] = _reached(document)
    return document


def openapi_routes(document: dict[str, Any]) -> list[Route]:
    """`GET /openapi.json`."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    async def show(request: Request) -> Response:
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})

    return [Route("/openapi.json", show, methods=["GET"])]


def _operation_tags(registry: Registry) -> list[dict[str, str]]:
    tags = [{"name": item.name, "description": item.summary} for item in registry.operations.values()]
    return [*tags, {"name": PIPELINE, "description": "Several operations as one job."}] if tags else []


def _reached(document: dict[str, Any]) -> dict[str, Any]:
    """The schemas that the document uses, in order of their names."""
    schemas = document["components"]["schemas"]
    rest = {**document, "components": {**document["components"], "schemas": {}}}
    waiting, found = list(_names(rest)), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_names(schemas[name]))
    return {name: schemas[name] for name in sorted(found)}


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _names(item)
    elif isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/components/schemas/"):
            yield reference.rsplit("/", 1)[-1]
        for item in part.values():
            yield from _names(item)


_ABOUT = (
    "Each operation takes media by address (or as files), runs on a GPU where there is one, and answers with a video "
    "and with the proof of what ran. Errors are problem details (RFC 9457): a stable `code`, a sentence, a remedy."
)
