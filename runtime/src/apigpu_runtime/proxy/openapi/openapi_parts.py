"""What the operations of the OpenAPI document share: headers, parameters, and how things go wrong."""

from __future__ import annotations

from typing import Any

from apigpu_runtime.proxy.bodies.bodies import FILES, FORMS

Part = dict[str, Any]

TEXT: Part = {"type": "string"}

PREFER: Part = {
    "name": "Prefer",
    "in": "header",
    "description": "RFC 7240. `wait=N` waits up to N seconds for the job, `respond-async` answers 202 at once.",
    "schema": TEXT,
}
IDEMPOTENCY_KEY: Part = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same request is the same job, however often it is sent.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[\\x20-\\x7e]*[\\x21-\\x7e][\\x20-\\x7e]*$",
    },
}
REQUEST_ID: Part = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "Your name for this request, in the logs and in the answer.",
    "schema": TEXT,
}
LAST_EVENT_ID: Part = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The last event that was received; only what is news since then is sent.",
    "schema": TEXT,
}
HEADERS: Part = {
    "Location": {"description": "Address of the job.", "schema": {"type": "string", "format": "uri-reference"}},
    "RetryAfter": {"description": "Seconds until it is worth asking again.", "schema": {"type": "integer"}},
    "RequestId": {"description": "Name of this request in the logs.", "schema": TEXT},
    "PreferenceApplied": {"description": "What of `Prefer` was heeded.", "schema": TEXT},
}
_ERRORS = {
    400: "BadRequest: the body is not what it claims to be, such as broken JSON.",
    401: "Unauthorized: no key, or none that is known.",
    403: "Forbidden: the key may not do this.",
    404: "NotFound: there is no such thing.",
    408: "TooSlow: the body came too slowly.",
    409: "Conflict: it does not go with what is there.",
    413: "TooLarge: the body is too long.",
    415: "UnsupportedMediaType: a body of this type is not taken.",
    422: "Invalid: a field is wrong; `errors` has the path, the reason and the remedy of each.",
    429: "TooMany: more requests than the key may make.",
    500: "Failed: something broke; the code says what.",
    501: "NotConfigured: the server lacks something that this needs; the remedy says what to set.",
    502: "BadGateway: the endpoint, the store or the machine failed.",
    503: "Unavailable: the endpoint or a program is not there; it may be later.",
    504: "TimedOut: it took longer than it may.",
}
ANY = (401, 403, 429, 500)
"""What every route that needs a key may answer."""
BODY = (400, 408, 413, 415, 422)
"""What every route that reads a body may answer."""


def components() -> Part:
    """Headers and the answers that errors give."""
    return {
        "headers": HEADERS,
        "responses": {_name(status): _problem(status) for status in _ERRORS},
        "securitySchemes": {
            "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "Bearer": {"type": "http", "scheme": "bearer", "description": "The same key."},
        },
    }


def errors(*statuses: int) -> Part:
    """References to the answers of these statuses."""
    return {
        str(status): {"$ref": f"#/components/responses/{_name(status)}"}
        for status in sorted(dict.fromkeys((*statuses, *ANY)))
    }


def answer(description: str, schema: Part | None = None, *, kind: str = "application/json", **headers: str) -> Part:
    """One answer. `headers` name those of `HEADERS` by their parameter-like spelling, such as `retry_after`."""
    names = {"X-Request-ID": "RequestId", **{key.replace("_", "-").title(): name for key, name in headers.items()}}
    found: Part = {
        "description": description,
        "headers": {key: {"$ref": f"#/components/headers/{name}"} for key, name in names.items()},
    }
    if schema is not None:
        found["content"] = {kind: {"schema": schema}}
    return found


def json_body(schema: Part, *, required: bool = True) -> Part:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def bodies(schema: Part, form: Part | None, *, files: bool) -> Part:
    """A body in all its forms. `files` tells of bare files, too."""
    content: Part = {"application/json": {"schema": schema}}
    if form is not None:
        content[FORMS[0]] = {"schema": form}
    for kind in FILES if files else ():
        content[kind] = {"schema": {"type": "string", "format": "binary"}}
    return {"required": True, "description": _BODIES if files else "", "content": content}


def query(name: str, description: str, schema: Part, example: Any = None) -> Part:
    found: Part = {"name": name, "in": "query", "description": description, "schema": schema}
    return found if example is None else {**found, "example": example}


def path_parameter(name: str, description: str, schema: Part | None = None) -> Part:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema or TEXT}


_BODIES = (
    "JSON with addresses of the media; a form (`multipart/form-data`) with a file or a text for each field, named by "
    "paths such as `style.size` or `images.0.image_url`, and with a whole JSON object in the field `request` if you "
    "like; or the bytes of the one media file, with the other fields in the query string under the same names."
)


def _name(status: int) -> str:
    return _ERRORS[status].partition(":")[0]


def _problem(status: int) -> Part:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    told = _ERRORS[status].partition(": ")[2]
    headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    if status in {429, 503}:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return {
        "description": f"{told[0].upper()}{told[1:]}",
        "headers": headers,
        "content": {"application/json": schema, "application/problem+json": schema},
    }
