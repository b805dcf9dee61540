"""The OpenAPI paths that are the same whatever is installed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from apigpu_runtime.backend import FINAL, IN_PROGRESS, IN_QUEUE
from apigpu_runtime.proxy.bodies.bodies import FILES
from apigpu_runtime.proxy.bodies.upload_documents import PresignedUpload, PresignRequest, Upload
from apigpu_runtime.proxy.documents import JobDocument
from apigpu_runtime.proxy.jobs.job_lists import MAX_LIMIT
from apigpu_runtime.proxy.observing.health import EndpointReport, HealthReport, HealthSummary
from apigpu_runtime.proxy.openapi.openapi_parts import (
    BODY,
    LAST_EVENT_ID,
    REQUEST_ID,
    TEXT,
    answer,
    errors,
    json_body,
    path_parameter,
    query,
)
from apigpu_runtime.proxy.openapi.openapi_schemas import Schemas
from apigpu_runtime.proxy.webhooks.deliveries import STATUSES
from apigpu_runtime.proxy.webhooks.documents import (
    WebhookDelivery,
    WebhookDeliveryDetails,
    WebhookList,
    WebhookMessage,
    WebhookTestAnswer,
    WebhookTestRequest,
)

Part = dict[str, Any]


class JobList(BaseModel):
    """A page of jobs, the newest first."""

    items: list[JobDocument]
    next: str | None
    """Where the next page is."""


ANSWERS: tuple[type[BaseModel], ...] = (
    JobDocument,
    JobList,
    Upload,
    PresignedUpload,
    WebhookDelivery,
    WebhookDeliveryDetails,
    WebhookList,
    WebhookMessage,
    WebhookTestAnswer,
    HealthReport,
    HealthSummary,
    EndpointReport,
)
ASKED: tuple[type[BaseModel], ...] = (PresignRequest, WebhookTestRequest)


def fixed_paths(schemas: Schemas) -> Part:
    return {
        **_job_paths(schemas),
        **_upload_paths(schemas),
        **_webhook_paths(schemas),
        **_operation_list_paths(),
        **_server_paths(schemas),
    }


def _job_paths(schemas: Schemas) -> Part:
    document = schemas.answer(JobDocument)
    job = [path_parameter("id", "The job."), REQUEST_ID]
    states = sorted({IN_QUEUE, IN_PROGRESS, *FINAL})
    moment: Part = {"type": "string", "format": "date-time"}
    filters = [
        query("status", "Only jobs in this state.", {"type": "string", "enum": states}),
        query("operation", "Only jobs of this operation.", TEXT, "caption"),
        query("since", "Only jobs made at this time or later.", moment, "2026-01-31T09:00:00Z"),
        query("until", "Only jobs made before this time.", moment),
        query("limit", "Jobs on a page.", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}),
        query("cursor", "Where to go on: follow `next` as it is.", TEXT),
    ]
    moved = {
        "200": answer("The file.", _BINARY, kind="video/mp4"),
        "302": answer("Where the file is.", location="Location"),
    }
    return {
        "/jobs": {
            "get": _get(
                "listJobs", "jobs", "Jobs, the newest first.", schemas.answer(JobList), [*filters, REQUEST_ID], 422
            )
        },
        "/jobs/{id}": {
            "get": _get("getJob", "jobs", "A job, with the reason why it waits.", document, job, 404),
            "delete": {
                "operationId": "cancelJob",
                "tags": ["jobs"],
                "summary": "Cancel a job. One that has ended stays as it is.",
                "parameters": job,
                "responses": {
                    "200": answer("The job has ended.", document),
                    "202": answer("It ends as soon as the endpoint obeys.", document),
                    **errors(404),
                },
            },
        },
        "/jobs/{id}/events": {
            "get": {
                "operationId": "followJob",
                "tags": ["jobs"],
                "summary": "A job's states as server-sent events, the whole job in each.",
                "parameters": [*job, LAST_EVENT_ID],
                "responses": {
                    "200": answer("The stream; it ends with the job.", TEXT, kind="text/event-stream"),
                    "204": answer("The end has been seen."),
                    **errors(404),
                },
            }
        },
        "/jobs/{id}/result": {
            "get": {
                "operationId": "getResult",
                "tags": ["jobs"],
                "summary": "The video of a finished job.",
                "parameters": job,
                "responses": {**moved, **errors(404, 409)},
            }
        },
    }


def _upload_paths(schemas: Schemas) -> Part:
    named = query("filename", "The file's name; only a known ending such as .mp4 is kept.", TEXT, "talk.mp4")
    form: Part = {
        "type": "object",
        "properties": {"file": _BINARY},
        "required": ["file"],
        "additionalProperties": True,
    }
    content: Part = {"multipart/form-data": {"schema": form}, **{kind: {"schema": _BINARY} for kind in FILES}}
    return {
        "/uploads": {
            "post": {
                "operationId": "upload",
                "tags": ["uploads"],
                "summary": "Send a file, and get the address that media fields take.",
                "parameters": [named, REQUEST_ID],
                "requestBody": {"required": True, "content": content},
                "responses": {"201": _created("The file is there.", schemas.answer(Upload)), **_upload_errors()},
            }
        },
        "/uploads/presign": {
            "post": {
                "operationId": "presignUpload",
                "tags": ["uploads"],
                "summary": "Get an address to put a file at, straight into the store.",
                "parameters": [REQUEST_ID],
                "requestBody": json_body(schemas.asked(PresignRequest), required=False),
                "responses": {"201": answer("The addresses.", schemas.answer(PresignedUpload)), **_upload_errors()},
            }
        },
    }


def _created(description: str, schema: Part) -> Part:
    return answer(description, schema, location="Location")


def _upload_errors() -> Part:
    return errors(*BODY, 501, 502, 503)


def _webhook_paths(schemas: Schemas) -> Part:
    filters = [
        query("status", "Only deliveries in this state.", {"type": "string", "enum": list(STATUSES)}, "dead"),
        query("limit", "Deliveries on a page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
        query("cursor", "Where to go on: follow `next` as it is.", TEXT),
    ]
    one = [path_parameter("delivery_id", "The delivery."), REQUEST_ID]
    return {
        "/webhooks": {
            "get": _get(
                "listWebhooks",
                "webhooks",
                "Webhook deliveries: on their way, arrived, or given up.",
                schemas.answer(WebhookList),
                [*filters, REQUEST_ID],
                422,
            )
        },
        "/webhooks/test": {
            "post": {
                "operationId": "testWebhook",
                "tags": ["webhooks"],
                "summary": "Send a signed test message, and see what the receiver says.",
                "parameters": [REQUEST_ID],
                "requestBody": json_body(schemas.asked(WebhookTestRequest)),
                "responses": {"200": answer("What came back.", schemas.answer(WebhookTestAnswer)), **errors(*BODY)},
            }
        },
        "/webhooks/{delivery_id}": {
            "get": _get(
                "getWebhook",
                "webhooks",
                "A delivery with each try.",
                schemas.answer(WebhookDeliveryDetails),
                one,
                404,
            )
        },
        "/webhooks/{delivery_id}/resend": {
            "post": {
                "operationId": "resendWebhook",
                "tags": ["webhooks"],
                "summary": "Send it again from the start.",
                "parameters": one,
                "responses": {"202": answer("It is on its way.", schemas.answer(WebhookDelivery)), **errors(404)},
            }
        },
    }


def _operation_list_paths() -> Part:
    name = [path_parameter("operation", "Its name, or `pipeline`."), REQUEST_ID]
    some: Part = {"type": "object"}
    return {
        "/operations": {
            "get": _get("listOperations", "operations", "The operations that are installed.", some, [REQUEST_ID])
        },
        "/operations/{operation}": {
            "get": _get("getOperation", "operations", "An operation: schema, example, addresses.", some, name, 404)
        },
        "/operations/{operation}/n8n.json": {
            "get": _get("getWorkflow", "operations", "A workflow to paste into n8n's canvas.", some, name, 404)
        },
    }


def _server_paths(schemas: Schemas) -> Part:
    open_to_all: Part = {"security": []}
    report: Part = {"anyOf": [schemas.answer(HealthReport), schemas.answer(HealthSummary)]}
    health = _get("health", "server", "Whether the server and the endpoint behind it are well.", report, [])
    health["responses"]["503"] = answer("Jobs wait until somebody mends what is broken.", report)
    endpoint = _get("endpointHealth", "server", "The endpoint in RunPod's words.", schemas.answer(EndpointReport), [])
    endpoint["responses"]["503"] = answer("It is broken.", schemas.answer(EndpointReport))
    return {
        "/health": {"get": {**health, **open_to_all}},
        "/runpod/health": {"get": endpoint},
        "/metrics": {"get": _text("metrics", "Figures for Prometheus.", "text/plain")},
        "/openapi.json": {
            "get": {**_get("openapi", "server", "This document.", {"type": "object"}, []), **open_to_all}
        },
        "/docs": {"get": {**_text("docs", "This document as a page.", "text/html"), **open_to_all}},
    }


_BINARY: Part = {"type": "string", "format": "binary", "minLength": 1}


def _get(name: str, tag: str, summary: str, schema: Part, parameters: list[Part], *statuses: int) -> Part:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": answer("Found.", schema), **errors(*statuses)},
    }


def _text(name: str, summary: str, kind: str) -> Part:
    return {
        "operationId": name,
        "tags": ["server"],
        "summary": summary,
        "responses": {"200": answer(summary, TEXT, kind=kind), **errors()},
    }
