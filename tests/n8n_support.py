"""What n8n takes for a workflow, as a schema: the nodes that ours consists of, with the names of their parameters."""

from __future__ import annotations

from typing import Any

_EXPRESSION = {"type": "string", "pattern": "^="}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _node(kind: str, versions: list[float], parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    common = {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string", "minLength": 1},
        "type": {"const": f"n8n-nodes-base.{kind}"},
        "typeVersion": {"enum": versions},
        "position": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        "parameters": parameters,
    }
    return _object(common | more, optional=("credentials", "retryOnFail", "maxTries", "waitBetweenTries"))


_HTTP = _object(
    {
        "method": {"enum": ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]},
        "url": {"type": "string", "minLength": 1},
        "authentication": {"enum": ["none", "predefinedCredentialType", "genericCredentialType"]},
        "genericAuthType": {"const": "httpHeaderAuth"},
        "sendHeaders": {"type": "boolean"},
        "headerParameters": _object(
            {
                "parameters": {
                    "type": "array",
                    "items": _object({"name": {"type": "string"}, "value": {"type": "string"}}),
                }
            }
        ),
        "sendBody": {"type": "boolean"},
        "specifyBody": {"enum": ["keypair", "json"]},
        "jsonBody": {"type": "string"},
        "options": _object(
            {
                "response": _object(
                    {
                        "response": _object(
                            {
                                "responseFormat": {"enum": ["autodetect", "file", "json", "text"]},
                                "outputPropertyName": {"type": "string", "minLength": 1},
                            }
                        )
                    }
                )
            },
            optional=("response",),
        ),
    },
    optional=(
        "method",
        "authentication",
        "genericAuthType",
        "sendHeaders",
        "headerParameters",
        "sendBody",
        "specifyBody",
        "jsonBody",
    ),
)
_WAIT = _object(
    {
        "resume": {"const": "webhook"},
        "httpMethod": {"const": "POST"},
        "limitWaitTime": {"const": True},
        "limitType": {"enum": ["afterTimeInterval", "atSpecifiedTime"]},
        "resumeAmount": {"type": "number", "exclusiveMinimum": 0},
        "resumeUnit": {"enum": ["seconds", "minutes", "hours", "days"]},
        "options": {"type": "object"},
    }
)
_IF = _object(
    {
        "conditions": _object(
            {
                "options": _object(
                    {
                        "caseSensitive": {"type": "boolean"},
                        "leftValue": {"type": "string"},
                        "typeValidation": {"enum": ["strict", "loose"]},
                        "version": {"enum": [1, 2]},
                    }
                ),
                "conditions": {
                    "type": "array",
                    "minItems": 1,
                    "items": _object(
                        {
                            "id": {"type": "string"},
                            "leftValue": _EXPRESSION,
                            "rightValue": {"type": "string"},
                            "operator": _object({"type": {"const": "string"}, "operation": {"const": "equals"}}),
                        }
                    ),
                },
                "combinator": {"enum": ["and", "or"]},
            }
        ),
        "options": {"type": "object"},
    }
)
_CREDENTIALS = _object({"httpHeaderAuth": _object({"id": {"type": "null"}, "name": {"type": "string"}})})
_RETRIES = {
    "retryOnFail": {"type": "boolean"},
    "maxTries": {"type": "integer", "minimum": 2, "maximum": 5},
    "waitBetweenTries": {"type": "integer", "minimum": 0, "maximum": 5000},
}
_NOTE = _object({"content": {"type": "string"}, "height": {"type": "integer"}, "width": {"type": "integer"}})
_LINK = _object({"node": {"type": "string"}, "type": {"const": "main"}, "index": {"type": "integer", "minimum": 0}})

WORKFLOW: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        {
            "name": {"type": "string", "minLength": 1, "maxLength": 128},
            "nodes": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "oneOf": [
                        _node("manualTrigger", [1], {"type": "object", "maxProperties": 0}),
                        _node("stickyNote", [1], _NOTE),
                        _node("httpRequest", [4.2], _HTTP, credentials=_CREDENTIALS, **_RETRIES),
                        _node("wait", [1.1], _WAIT, webhookId={"type": "string", "format": "uuid"}),
                        _node("if", [2.2], _IF),
                        _node("stopAndError", [1], _object({"errorMessage": _EXPRESSION})),
                    ]
                },
            },
            "connections": {
                "type": "object",
                "additionalProperties": _object(
                    {"main": {"type": "array", "items": {"type": "array", "items": _LINK}}}
                ),
            },
            "settings": _object({"executionOrder": {"const": "v1"}}),
            "pinData": {"type": "object", "maxProperties": 0},
        }
    ),
}
