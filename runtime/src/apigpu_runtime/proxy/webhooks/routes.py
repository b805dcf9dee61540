"""Deliveries over HTTP: list, look, send again, and try a receiver out."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu.errors import InputError
from apigpu_runtime.proxy.bodies.json_body import parse_object
from apigpu_runtime.proxy.bodies.receiving import read_whole
from apigpu_runtime.proxy.refusals import Refusal
from apigpu_runtime.proxy.webhooks.deliveries import STATUSES, Delivery
from apigpu_runtime.proxy.webhooks.documents import (
    WebhookList,
    WebhookTestRequest,
    delivery_details,
    delivery_document,
    test_answer,
)
from apigpu_runtime.proxy.webhooks.service import Webhooks
from apigpu_runtime.validation import validate_model

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_FILTERS = ("status", "limit", "cursor")
_MAX_BODY_BYTES = 16384
_ID = re.compile(r"msg_[0-9a-f]{32}")


def webhook_routes(webhooks: Webhooks, *, public_url: str = "") -> list[Route]:
    """`GET /webhooks`, `GET /webhooks/{id}`, `POST /webhooks/{id}/resend`, `POST /webhooks/test`."""

    async def listed(request: Request) -> Response:
        status, limit, before = _asked(request)
        found = await webhooks.list(status=status, before=before, limit=limit)
        page = WebhookList(
            items=[delivery_document(item) for item in found], next=_next(public_url, request, found, limit)
        )
        return _json(page.model_dump_json())

    async def shown(request: Request) -> Response:
        delivery = _known(webhooks.get(request.path_params["delivery_id"]))
        return _json(delivery_details(delivery, webhooks.tries(delivery.id)).model_dump_json())

    async def resent(request: Request) -> Response:
        delivery = _known(await webhooks.resend(request.path_params["delivery_id"]))
        return _json(delivery_document(delivery).model_dump_json(), 202)

    async def tested(request: Request) -> Response:
        document = parse_object(await read_whole(request, max_bytes=_MAX_BODY_BYTES))
        asked = validate_model(WebhookTestRequest, document)
        return _json(test_answer(await webhooks.test(asked.url)).model_dump_json())

    return [
        Route("/webhooks", listed, methods=["GET"]),
        Route("/webhooks/test", tested, methods=["POST"]),
        Route("/webhooks/{delivery_id}", shown, methods=["GET"]),
        Route("/webhooks/{delivery_id}/resend", resent, methods=["POST"]),
    ]


def _asked(request: Request) -> tuple[str | None, int, str | None]:
    query = request.query_params
    unknown = [name for name in query if name not in _FILTERS]
    if unknown:
        raise InputError("there is no such filter.", where=unknown[0], remedy=f"There are: {', '.join(_FILTERS)}.")
    status, limit, cursor = query.get("status"), query.get("limit", str(DEFAULT_LIMIT)), query.get("cursor")
    if status and status not in STATUSES:
        raise InputError(f"must be one of {', '.join(STATUSES)}.", where="status")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MAX_LIMIT):
        raise InputError(f"must be a whole number from 1 to {MAX_LIMIT}.", where="limit")
    if cursor and not _ID.fullmatch(cursor):
        raise InputError("is none that this proxy gave.", where="cursor", remedy="Follow `next` as it is.")
    return status or None, int(limit), cursor or None


def _next(public_url: str, request: Request, found: list[Delivery], limit: int) -> str | None:
    if len(found) < limit:
        return None
    query = {**request.query_params, "cursor": found[-1].id}
    return f"{public_url}/webhooks?{urlencode(query)}"


def _known(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise Refusal(
            404, "there is no such webhook delivery.", code="unknown_delivery", remedy="See: GET /webhooks."
        )
    return delivery


def _json(text: str, status: int = 200) -> Response:
    return Response(text, status, media_type="application/json", headers={"Cache-Control": "no-store"})
