"""A workflow for n8n, ready to paste: submit, wait for our webhook, get the video or the reason why there is none."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.proxy.example_requests import example_fields, example_request

CREDENTIAL = "apigpu"
"""The name that the workflow's header credential should have: n8n then finds it by itself."""
_RESUME_URL = "{{ $execution.resumeUrl }}"
_IDS = uuid.UUID("6d0f6b9e-52c4-4c3e-9a51-0c5b4d0f7a10")
_ONCE = "=n8n-{{ $workflow.id }}-{{ $execution.id }}-{{ $nodeId }}-{{ $runIndex }}-{{ $itemIndex }}"
"""One for each item that a run of the node sends, however often it is sent."""
_WAIT_HOURS = 2
_COLUMN, _ROW = 220, 300

Node = dict[str, Any]


def n8n_workflow(operation: Operation, public_url: str) -> dict[str, Any]:
    """The workflow of one operation. `public_url` is where n8n reaches this server."""
    return workflow_of(operation.name, example_fields(operation), public_url)


def workflow_of(name: str, fields: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    """The workflow that posts `fields` to an operation, or to `pipeline`."""
    url = public_url.rstrip("/")
    start = _node(name, "Start", "manualTrigger", 1, 0, {})
    submit = _node(name, "Submit", "httpRequest", 4.2, 1, _submission(f"{url}/video/{name}", fields), **_keyed())
    # A lost answer is asked for again: the Idempotency-Key keeps it from becoming a second job.
    submit |= {"retryOnFail": True, "maxTries": 3, "waitBetweenTries": 2000}
    wait = _node(name, "Wait", "wait", 1.1, 2, _WAITING, webhookId=_id(name, "webhook"))
    job = _node(name, "Job", "httpRequest", 4.2, 3, _reading(url), **_keyed())
    done = _node(name, "Completed?", "if", 2.2, 4, _is_completed(name))
    video = _node(name, "Video", "httpRequest", 4.2, 5, _DOWNLOAD, row=-0.35)
    failed = _node(name, "Failed", "stopAndError", 1, 5, _FAILURE, row=0.35)
    note = _node(name, "Read me", "stickyNote", 1, 0, _note(name), row=-1.1)
    chain = [start, submit, wait, job, done]
    links = {before["name"]: [[_to(after)]] for before, after in pairwise(chain)}
    links[done["name"]] = [[_to(video)], [_to(failed)]]
    return {
        "name": f"apigpu: {name}",
        "nodes": [note, *chain, video, failed],
        "connections": {origin: {"main": outputs} for origin, outputs in links.items()},
        "settings": {"executionOrder": "v1"},
        "pinData": {},
    }


def n8n_routes(registry: Registry, *, public_url: str = "") -> Sequence[Route]:
    """`GET /operations/{operation}/n8n.json`; without a `public_url` the address that was asked is taken."""

    async def workflow(request: Request) -> Response:
        name = request.path_params["operation"]
        url = public_url or str(request.base_url)
        document = workflow_of(name, example_request(registry, name), url)
        return Response(
            json.dumps(document, indent=2, ensure_ascii=False),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="apigpu-{name}.n8n.json"'},
        )

    return [Route("/operations/{operation}/n8n.json", workflow)]


def _node(
    workflow: str,
    name: str,
    kind: str,
    version: float,
    column: int,
    parameters: Mapping[str, Any],
    *,
    row: float = 0,
    **more: Any,
) -> Node:
    return {
        "id": _id(workflow, name),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [column * _COLUMN, round(row * _ROW)],
        "parameters": dict(parameters),
        **more,
    }


def _id(workflow: str, name: str) -> str:
    return str(uuid.uuid5(_IDS, f"{workflow}/{name}"))


def _to(node: Node) -> dict[str, Any]:
    return {"node": node["name"], "type": "main", "index": 0}


def _keyed() -> dict[str, Any]:
    """Without an id n8n looks the credential up by its name."""
    return {"credentials": {"httpHeaderAuth": {"id": None, "name": CREDENTIAL}}}


_HEADER_AUTH = {"authentication": "genericCredentialType", "genericAuthType": "httpHeaderAuth"}
_WAITING = {
    "resume": "webhook",
    "httpMethod": "POST",
    "limitWaitTime": True,
    "limitType": "afterTimeInterval",
    "resumeAmount": _WAIT_HOURS,
    "resumeUnit": "hours",
    "options": {},
}
# The address is signed, so no key goes along: it may lead to a store of somebody else.
_DOWNLOAD = {
    "url": "={{ $json.video_url }}",
    "options": {"response": {"response": {"responseFormat": "file", "outputPropertyName": "data"}}},
}
_FAILURE = {
    "errorMessage": "={{ $json.error ? `${$json.error.message} ${$json.error.remedy}`.trim() "
    ": `The job ${$json.id} is ${$json.status}.` }}"
}


def _submission(url: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "method": "POST",
        "url": url,
        **_HEADER_AUTH,
        "sendHeaders": True,
        "headerParameters": {
            "parameters": [
                {"name": "Prefer", "value": "respond-async"},
                {"name": "Idempotency-Key", "value": _ONCE},
            ]
        },
        "sendBody": True,
        "specifyBody": "json",
        "jsonBody": _body(fields),
        "options": {},
    }


def _body(fields: Mapping[str, Any]) -> str:
    """JSON in which n8n fills in the address of the Wait node; whatever else looks like an expression is none."""
    text = json.dumps({**fields, "webhook_url": None}, indent=2, ensure_ascii=False).replace("{{", "\\u007b{")
    head, _, tail = text.rpartition("null")
    return f'={head}"{_RESUME_URL}"{tail}'


def _reading(url: str) -> dict[str, Any]:
    """The job is asked for, and not read off the webhook: the Wait node also ends when none came."""
    return {"url": f"={url}/jobs/{{{{ $('Submit').first().json.id }}}}", **_HEADER_AUTH, "options": {}}


def _is_completed(workflow: str) -> dict[str, Any]:
    condition = {
        "id": _id(workflow, "condition"),
        "leftValue": "={{ $json.status }}",
        "rightValue": "COMPLETED",
        "operator": {"type": "string", "operation": "equals"},
    }
    options = {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 2}
    return {"conditions": {"options": options, "conditions": [condition], "combinator": "and"}, "options": {}}


def _note(name: str) -> dict[str, Any]:
    content = (
        f"## apigpu: {name}\n"
        f"1. Make a credential of the kind **Header Auth** named `{CREDENTIAL}`: Name `X-API-Key`, Value your key.\n"
        "2. Put your own addresses into **Submit**.\n"
        "3. The video is the file `data` of **Video**. **Failed** says why there is none."
    )
    return {"content": content, "height": 240, "width": 5 * _COLUMN}
