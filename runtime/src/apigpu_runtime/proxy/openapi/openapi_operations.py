"""The OpenAPI paths of operations: run, dry run, preview."""

from __future__ import annotations

from typing import Any

from apigpu.operations import Operation
from apigpu_runtime.job import PIPELINE
from apigpu_runtime.proxy.documents import JobDocument, JobProblem
from apigpu_runtime.proxy.dry_runs.dry_run_documents import DryRun
from apigpu_runtime.proxy.openapi.openapi_parts import (
    BODY,
    IDEMPOTENCY_KEY,
    PREFER,
    REQUEST_ID,
    answer,
    bodies,
    errors,
    query,
)
from apigpu_runtime.proxy.openapi.openapi_schemas import Schemas
from apigpu_runtime.proxy.webhooks.documents import WebhookMessage

Part = dict[str, Any]


def operation_paths(operation: Operation | None, schemas: Schemas) -> Part:
    """The paths of one operation, or without one of the pipeline."""
    name = operation.name if operation else PIPELINE
    return {
        f"/video/{name}": {"post": _run(name, operation, schemas)},
        f"/video/{name}/dry-run": {"post": _dry_run(name, operation, schemas)},
        f"/video/{name}/preview": {"post": _preview(name, operation, schemas)},
    }


def _run(name: str, operation: Operation | None, schemas: Schemas) -> Part:
    summary = operation.summary if operation else "Run several operations as one job, with one encode."
    form = schemas.form(operation) if operation else None
    document = schemas.answer(JobDocument)
    return {
        "operationId": name,
        "tags": [name],
        "summary": summary,
        "description": _WAITING,
        "parameters": [PREFER, IDEMPOTENCY_KEY, REQUEST_ID],
        "requestBody": bodies(schemas.request(operation), form, files=operation is not None),
        "responses": {
            "200": answer(
                "The video is ready.", document, location="Location", preference_applied="PreferenceApplied"
            ),
            "202": answer(
                "The job is taken, and not done yet.",
                document,
                location="Location",
                retry_after="RetryAfter",
                preference_applied="PreferenceApplied",
            ),
            **errors(404, *BODY, 409, 501, 502, 503, 504),
            **{status: _failed(text, schemas) for status, text in _FAILED.items()},
        },
        "callbacks": {"finished": {"{$request.body#/webhook_url}": {"post": finished_webhook(schemas)}}},
    }


def _failed(text: str, schemas: Schemas) -> Part:
    """An error, or the end of a job that failed while its client waited."""
    either = {"anyOf": [schemas.answer(JobProblem), {"$ref": "#/components/schemas/Problem"}]}
    found = answer(text, either)
    found["content"]["application/problem+json"] = {"schema": either}
    return found


_FAILED = {
    "409": "The job was cancelled.",
    "422": "A field or its media cannot be used, or the idempotency key was used for another request; `errors` has "
    "the path, the reason and the remedy of each.",
    "500": "The job failed, or something broke.",
    "502": "The endpoint, the store or the machine failed.",
    "504": "The job took longer than it may.",
}


def _dry_run(name: str, operation: Operation | None, schemas: Schemas) -> Part:
    return {
        "operationId": f"{name}-dry-run",
        "tags": [name],
        "summary": f"What {name} would do: the plan, and no GPU.",
        "description": _DRY_RUN,
        "parameters": [
            query("target", "The machine to plan for; `auto` is the server's own.", {"type": "string"}, "l4"),
            REQUEST_ID,
        ],
        "requestBody": bodies(schemas.with_facts(operation), None, files=False),
        "responses": {
            "200": answer("The plan.", schemas.answer(DryRun)),
            **errors(404, *BODY, 501, 502, 503, 504),
        },
    }


def _preview(name: str, operation: Operation | None, schemas: Schemas) -> Part:
    found: Part = answer("One frame of the result, or a short clip.")
    picture = {"schema": {"type": "string", "format": "binary"}}
    found["content"] = {"image/png": picture, "video/mp4": picture}
    found["headers"]["Cache-Control"] = {"description": "It is not to be kept.", "schema": {"type": "string"}}
    return {
        "operationId": f"{name}-preview",
        "tags": [name],
        "summary": f"How {name} would look: one real frame, or a short clip.",
        "description": "Made on the server's CPU by the same graph that the whole video would be.",
        "parameters": [
            query("at", "The moment in seconds; left out: the middle.", {"type": "number", "minimum": 0}, 1.5),
            query(
                "clip",
                "Seconds of a clip from `at` on, no higher than 360 lines, in place of a frame.",
                {"type": "number", "exclusiveMinimum": 0, "maximum": 10},
            ),
            REQUEST_ID,
        ],
        "requestBody": bodies(schemas.request(operation), None, files=False),
        "responses": {"200": found, **errors(404, *BODY, 501, 502, 503, 504)},
    }


def finished_webhook(schemas: Schemas) -> Part:
    """What is sent to `webhook_url`."""
    return {
        "summary": "A job has ended.",
        "description": "Signed by Standard Webhooks, and sent again for hours until a receiver answers 2xx.",
        "parameters": [
            _webhook_header("webhook-id", "Name of the message; the same each time that it is sent."),
            _webhook_header("webhook-timestamp", "Seconds since 1970 when it was sent."),
            _webhook_header("webhook-signature", "`v1,` and the HMAC-SHA256 of `id.timestamp.body`, in base64."),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schemas.answer(WebhookMessage)}},
        },
        "responses": {"2XX": {"description": "The message is taken; any other answer has it sent again."}},
        "security": [],
    }


def _webhook_header(name: str, description: str) -> Part:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": {"type": "string"}}


_WAITING = (
    "Waits up to 25 seconds for the job: 200 with the video's address, or 202 with the job's, where it can be polled "
    "or followed. `Prefer: respond-async` does not wait; `webhook_url` has the end told."
)
_DRY_RUN = (
    "Media facts come from the first bytes of the media, or from `facts` in the request, and then nothing is fetched."
)
