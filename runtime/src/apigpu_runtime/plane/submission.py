"""A request of `/run` or `/runsync`, checked: RunPod's fields and ranges."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from apigpu_runtime.plane.behaviour import Behaviour
from apigpu_runtime.plane.http import Refused, read_object
from apigpu_runtime.plane.store.change import as_json
from apigpu_runtime.plane.store.clients import Submission

_PASSED_ON = ("s3Config",)


def read_submission(body: bytes, behaviour: Behaviour, *, sync: bool, idempotency_key: str = "") -> Submission:
    """Raises Refused."""
    try:
        document = read_object(body)
    except ValueError:
        raise Refused(behaviour.bad_request_status, "the request body is not a JSON object") from None
    if not isinstance(document.get("input"), dict):
        raise Refused(behaviour.bad_request_status, 'the request needs an "input", which is a JSON object')
    policy = _policy(document, behaviour)
    extras = {name: document[name] for name in _PASSED_ON if name in document}
    webhook = _webhook(document, behaviour)
    keep_s = behaviour.keep_runsync_s if sync else behaviour.keep_run_s
    return Submission(
        id=f"{'sync-' if sync else ''}{uuid.uuid4()}-u1",
        input=as_json(document["input"]),
        extras=as_json(extras | ({"webhook": webhook} if webhook else {})),
        webhook=webhook,
        low_priority=policy.get("lowPriority") is True,
        keep_ms=int(keep_s * 1000),
        ttl_ms=_within(
            policy, "ttl", behaviour.default_ttl_ms, behaviour.min_ttl_ms, behaviour.max_ttl_ms, behaviour
        ),
        execution_timeout_ms=_within(
            policy,
            "executionTimeout",
            behaviour.default_execution_timeout_ms,
            behaviour.min_execution_timeout_ms,
            behaviour.max_execution_timeout_ms,
            behaviour,
        ),
        idempotency_key=idempotency_key,
    )


def _policy(document: Mapping[str, Any], behaviour: Behaviour) -> Mapping[str, Any]:
    policy = document.get("policy")
    if policy is None:
        return {}
    if not isinstance(policy, dict):
        raise Refused(behaviour.bad_request_status, '"policy" must be a JSON object')
    return policy


def _webhook(document: Mapping[str, Any], behaviour: Behaviour) -> str:
    webhook = document.get("webhook") or ""
    if not isinstance(webhook, str) or (webhook and not webhook.startswith(("http://", "https://"))):
        raise Refused(behaviour.bad_request_status, '"webhook" must be an http or https URL')
    return webhook


def _within(
    policy: Mapping[str, Any], name: str, default_ms: int, least_ms: int, most_ms: int, behaviour: Behaviour
) -> int:
    value = policy.get(name)
    if value is None:
        return default_ms
    if isinstance(value, bool) or not isinstance(value, int | float) or not least_ms <= value <= most_ms:
        raise Refused(
            behaviour.bad_request_status, f'"policy.{name}" must be from {least_ms} to {most_ms} milliseconds'
        )
    return int(value)
