"""One request to a receiver, and what its answer means."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from apigpu.errors import InputError
from apigpu_runtime.proxy.observing.redaction import redacted
from apigpu_runtime.proxy.webhooks.addresses import Receiver
from apigpu_runtime.proxy.webhooks.deliveries import Try

TIMEOUT_S = 30.0
_SNIPPET_BYTES = 1024
_SNIPPET_CHARACTERS = 300
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]+")

_MEANINGS = {
    401: "the receiver did not accept the URL or the signature. If this is an n8n resumeUrl, it was altered on its"
    " way to apigpu, or n8n is 2.16 or 2.17, which refuse URLs of their own.",
    404: "there is nothing at this URL. If this is an n8n resumeUrl, set the Wait node's HTTP Method to POST.",
    409: "the receiver is not ready. If this is an n8n resumeUrl, the workflow has not reached its Wait node yet, or"
    " has gone past it.",
    410: "the receiver wants no more messages.",
}


async def send(
    client: httpx2.AsyncClient,
    url: str,
    body: str,
    headers: Mapping[str, str],
    *,
    started_s: float,
    timeout_s: float = TIMEOUT_S,
) -> Try:
    """POST a message once. Never raises for what a receiver, a network or a URL does."""
    begun = time.monotonic()
    status, note, response, retry_after_s = None, "", "", None
    try:
        async with asyncio.timeout(timeout_s), _request(client, url, body, headers) as answer:
            status = answer.status_code
            note = meaning(status)
            retry_after_s = _retry_after_s(answer.headers.get("retry-after", ""))
            response = await _snippet(answer)
    except (TimeoutError, httpx2.TimeoutException):
        note = note or f"no answer within {timeout_s:g} s."
    except InputError as error:
        note = str(error)
    except httpx2.HTTPError as error:
        note = note or f"the connection failed: {redacted(str(error)) or type(error).__name__}."
    return Try(
        started_s=started_s,
        duration_ms=round((time.monotonic() - begun) * 1000),
        http_status=status,
        note=note,
        response=response,
        retry_after_s=retry_after_s,
    )


def meaning(status: int) -> str:
    """What an answer says about a message; nothing where it was taken."""
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"the receiver redirects ({status}), which is not followed: give the final URL."
    return f"the receiver answered {status}{': ' + _MEANINGS[status] if status in _MEANINGS else '.'}"


def _request(
    client: httpx2.AsyncClient, url: str, body: str, headers: Mapping[str, str]
) -> AbstractAsyncContextManager[httpx2.Response]:
    receiver = Receiver.of(url)
    # The target goes onto the wire as it is; in the URL httpx2 would write some of it anew.
    return client.stream(
        "POST",
        receiver.base,
        content=body.encode(),
        headers=dict(headers),
        extensions={"target": receiver.target},
        follow_redirects=False,
    )


async def _snippet(answer: httpx2.Response) -> str:
    """The beginning of a text, in one line and without secrets."""
    if "content-encoding" in answer.headers:
        return ""
    start = b""
    async for chunk in answer.aiter_raw():
        start += chunk
        if len(start) >= _SNIPPET_BYTES:
            break
    text = redacted(start[:_SNIPPET_BYTES].decode("utf-8", "replace"))
    return _UNPRINTABLE.sub(" ", text).strip()[:_SNIPPET_CHARACTERS]


def _retry_after_s(text: str) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
