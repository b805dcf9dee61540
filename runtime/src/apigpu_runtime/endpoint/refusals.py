"""What an endpoint's refusals mean: from an HTTP status to an error that says what to do."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from apigpu_runtime.backend import BackendError

MAX_JOB_BYTES = 10_000_000
"""RunPod's limit of a job's input, by whichever meaning of megabyte is the smaller."""
NEEDS_A_HAND = frozenset({"runpod_key_refused", "runpod_key_forbidden", "endpoint_unknown", "out_of_credit"})
"""Codes of refusals that somebody can end, and waiting alone cannot. Jobs wait for that, so they are retryable."""
_MENDED_AFTER_S = 30.0
_QUOTED_CHARACTERS = 200
_NO_MONEY = re.compile(r"\b(balance|insufficient (funds|credits?)|out of credits?|payment required)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Peer:
    """Who answers, as messages call it."""

    name: str
    endpoint_id: str = ""
    """Empty for the local plane."""


def refusal(response: httpx2.Response, peer: Peer) -> BackendError:
    """The error that an answer other than 2xx stands for."""
    said = _said(response)
    status = response.status_code
    if status == 402 or (400 <= status < 500 and _NO_MONEY.search(said)):
        return out_of_credit(peer)
    if status in {401, 403}:
        return key_refused(peer, status)
    if status == 404:
        return endpoint_unknown(peer)
    if status == 413:
        return too_large(peer)
    if status == 429:
        return rate_limited(peer, retry_after_s(response))
    quoted = f' and says "{said}"' if said else ""
    if status >= 500 or status in {408, 425}:
        return BackendError(
            f"{peer.name} answers {status}{quoted}.",
            code="endpoint_unavailable",
            remedy="It is asked again; if this lasts, the fault is not yours.",
            retryable=True,
            retry_after_s=retry_after_s(response),
        )
    if 300 <= status < 400:
        return odd_answer(peer, f"sends us elsewhere ({status})")
    return BackendError(f"{peer.name} refuses the request with {status}{quoted}.", code="endpoint_refused")


def key_refused(peer: Peer, status: int) -> BackendError:
    if not peer.endpoint_id:
        return BackendError(
            f"{peer.name} refuses the key ({status}).",
            code="runpod_key_refused",
            remedy="Give it one that `apigpu keys list` shows, or make one with `apigpu keys create`.",
            retryable=True,
            retry_after_s=_MENDED_AFTER_S,
        )
    if status == 403:
        return BackendError(
            f"the RunPod API key may not use the endpoint {peer.endpoint_id}.",
            code="runpod_key_forbidden",
            remedy="In RunPod's console under Settings > API Keys, allow this key the endpoint, or take a key of the "
            "account that owns it.",
            retryable=True,
            retry_after_s=_MENDED_AFTER_S,
        )
    return BackendError(
        "RunPod does not know the API key.",
        code="runpod_key_refused",
        remedy="Set RUNPOD_API_KEY to a key from RunPod's console, Settings > API Keys, and start again.",
        retryable=True,
        retry_after_s=_MENDED_AFTER_S,
    )


def endpoint_unknown(peer: Peer) -> BackendError:
    return BackendError(
        f"{peer.name} has no endpoint {peer.endpoint_id}." if peer.endpoint_id else f"{peer.name} is not there.",
        code="endpoint_unknown",
        remedy="Copy the id from RunPod's console under Serverless; it looks like 4m7x2k9q. It must belong to the "
        "account of the key.",
        retryable=True,
        retry_after_s=_MENDED_AFTER_S,
    )


def out_of_credit(peer: Peer) -> BackendError:
    return BackendError(
        f"{peer.name} refuses work because the account has no credit.",
        code="out_of_credit",
        remedy="Add credit in RunPod's console under Billing; auto-pay there keeps it from happening again.",
        retryable=True,
        retry_after_s=_MENDED_AFTER_S,
    )


def too_large(peer: Peer) -> BackendError:
    return BackendError(
        f"the job is larger than the {MAX_JOB_BYTES // 1_000_000} MB that {peer.name} takes.",
        code="too_large",
        remedy="Send media as addresses instead of putting them into the request.",
    )


def rate_limited(peer: Peer, retry_s: float | None) -> BackendError:
    return BackendError(
        f"{peer.name} gets more requests than it allows.",
        code="endpoint_rate_limited",
        remedy="Nothing is lost: jobs are handed over as fast as it takes them.",
        retryable=True,
        retry_after_s=retry_s,
    )


def odd_answer(peer: Peer, what: str) -> BackendError:
    """An answer that makes no sense may be of something in between, so the same is worth asking again."""
    return BackendError(f"{peer.name} {what}.", code="endpoint_odd_answer", retryable=True)


def retry_after_s(response: httpx2.Response) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or a date."""
    text = response.headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def without_queries(text: str) -> str:
    """The text with what could be the signature of an address cut out."""
    return re.sub(r"\?[^\s\"'<>]{8,}", "?…", text)


def _said(response: httpx2.Response) -> str:
    """The reason in the body, in one short line; what could be a signed address is cut before its query."""
    if "html" in response.headers.get("content-type", ""):
        return ""
    text = _reason(response.text)
    line = without_queries(" ".join(text.split()))
    return line if len(line) <= _QUOTED_CHARACTERS else f"{line[:_QUOTED_CHARACTERS]}…"


def _reason(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return "" if text.lstrip().startswith("<") else text
    if isinstance(document, dict):
        found = (document.get(name) for name in ("detail", "message", "error", "title"))
        return next((item for item in found if isinstance(item, str) and item), "")
    return document if isinstance(document, str) else ""
