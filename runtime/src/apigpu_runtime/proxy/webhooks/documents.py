"""Deliveries as clients are told of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from apigpu_runtime.proxy.documents import JobDocument
from apigpu_runtime.proxy.webhooks.addresses import shown_url
from apigpu_runtime.proxy.webhooks.deliveries import Delivery, Status, Try


class _Part(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class WebhookMessage(_Part):
    """What is sent to a receiver."""

    type: Literal["job.completed", "job.failed", "job.cancelled", "job.timed_out"]
    timestamp: str
    """When the job ended; RFC 3339, UTC."""
    data: JobDocument
    """The job, as its own address shows it."""


class WebhookTry(_Part):
    """One request to a receiver."""

    number: int
    at: str
    """RFC 3339, UTC."""
    duration_ms: int
    http_status: int | None
    """null where no answer came."""
    note: str
    """What went wrong, and what to do; empty where the message was taken."""
    response: str
    """The beginning of the answer."""


class WebhookDelivery(_Part):
    """A message on its way, arrived, or given up (`dead`)."""

    id: str
    """Sent as `webhook-id` with each try."""
    job_id: str
    event: str
    """job.completed, job.failed, job.cancelled or job.timed_out."""
    status: Status
    url: str
    """Without its query, which may be a secret."""
    created_at: str
    next_try_at: str | None
    finished_at: str | None
    tries: int
    http_status: int | None
    """Of the last answer."""
    note: str
    """What the last try ran into."""


class WebhookDeliveryDetails(WebhookDelivery):
    """With the message itself and each try."""

    body: dict[str, Any]
    history: list[WebhookTry]


class WebhookList(_Part):
    """A page of deliveries, the newest first."""

    items: list[WebhookDelivery]
    next: str | None
    """Where the next page is."""


class WebhookTestRequest(_Part):
    """Where to send a test message."""

    model_config = ConfigDict(extra="forbid", strict=True)
    url: str = Field(
        min_length=8,
        max_length=2048,
        pattern=r"^https?://",
        description="The receiver. It is called as written.",
        examples=["https://example.com/hooks/apigpu"],
    )


class WebhookTestAnswer(_Part):
    """What came back."""

    delivered: bool
    http_status: int | None
    """null where no answer came."""
    note: str
    response: str
    """The beginning of the answer."""
    duration_ms: int


def delivery_document(delivery: Delivery) -> WebhookDelivery:
    return WebhookDelivery(**_facts(delivery))


def delivery_details(delivery: Delivery, tries: Sequence[Try]) -> WebhookDeliveryDetails:
    history = [
        WebhookTry(
            number=item.number,
            at=_time(item.started_s),
            duration_ms=item.duration_ms,
            http_status=item.http_status,
            note=item.note,
            response=item.response,
        )
        for item in tries
    ]
    return WebhookDeliveryDetails(**_facts(delivery), body=json.loads(delivery.body), history=history)


def test_answer(done: Try) -> WebhookTestAnswer:
    return WebhookTestAnswer(
        delivered=done.is_taken,
        http_status=done.http_status,
        note=done.note,
        response=done.response,
        duration_ms=done.duration_ms,
    )


def _facts(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "job_id": delivery.job_id,
        "event": delivery.event,
        "status": delivery.status,
        "url": shown_url(delivery.url),
        "created_at": _time(delivery.created_s),
        "next_try_at": None if delivery.next_try_s is None else _time(delivery.next_try_s),
        "finished_at": None if delivery.finished_s is None else _time(delivery.finished_s),
        "tries": delivery.tries,
        "http_status": delivery.http_status,
        "note": delivery.note,
    }


def _time(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
