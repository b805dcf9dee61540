"""Lists of jobs: filters, and the way to the next page."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from apigpu.errors import InputError
from apigpu_runtime.backend import FINAL, IN_PROGRESS, IN_QUEUE
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.job_ids import earliest_job_id
from apigpu_runtime.proxy.jobs.job_store import JobFilter

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
FILTERS = ("status", "operation", "since", "until", "limit", "cursor")
_STATES = sorted({IN_QUEUE, IN_PROGRESS, *FINAL})
_ID = re.compile(r"[0-9a-f]{12,64}")


def job_filter(query: Mapping[str, str]) -> JobFilter:
    """The filter that a query string asks for. Raises InputError."""
    unknown = [name for name in query if name not in FILTERS]
    if unknown:
        raise InputError("there is no such filter.", where=unknown[0], remedy=f"There are: {', '.join(FILTERS)}.")
    return JobFilter(
        status=_status(query.get("status", "")),
        operation=query.get("operation", ""),
        since=_moment(query, "since"),
        until=_moment(query, "until"),
        before=_cursor(query.get("cursor", "")),
        limit=_limit(query.get("limit", "")),
    )


def next_page(url: str, query: Mapping[str, str], jobs: Sequence[JobRecord], limit: int) -> str | None:
    """The address of the jobs after these; None where these may be the last."""
    if len(jobs) < limit:
        return None
    cursor = base64.urlsafe_b64encode(jobs[-1].id.encode()).decode().rstrip("=")
    return f"{url}?{urlencode({**query, 'cursor': cursor})}"


def _status(text: str) -> str:
    if text and text.upper() not in _STATES:
        raise InputError(f"must be one of {', '.join(_STATES)}.", where="status")
    return text.upper()


def _moment(query: Mapping[str, str], name: str) -> str:
    """Where jobs of that moment begin in the order of ids. A time without a zone is UTC."""
    text = query.get(name, "")
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            "must be a time such as 2026-01-31T09:00:00Z.", where=name, remedy="A + must be written as %2B."
        ) from None
    return earliest_job_id((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _cursor(text: str) -> str:
    if not text:
        return ""
    try:
        job_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        job_id = ""
    if not _ID.fullmatch(job_id):
        raise InputError("is none that this proxy gave.", where="cursor", remedy="Follow `next` as it is.")
    return job_id


def _limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
        raise InputError(f"must be a whole number from 1 to {MAX_LIMIT}.", where="limit")
    return int(text)
