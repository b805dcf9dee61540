"""From what a client asks for to a job, and from a job to what the endpoint is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apigpu.registry import Registry
from apigpu_runtime.backend import IN_QUEUE
from apigpu_runtime.job import Control, Delivery, job_input, job_request, split_options
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.job_ids import new_job_id
from apigpu_runtime.storage import Storage

DELIVERY_EXPIRES_S = 2 * 24 * 3600
"""How long a worker may deliver: the day that a job may wait at an endpoint, and the time it takes, with room."""

_CONTENT_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska"}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a request came from."""

    key_id: str = ""
    request_id: str = ""
    idempotency_key: str = ""


def new_job(
    registry: Registry,
    operation: str,
    document: Mapping[str, Any],
    *,
    origin: Origin,
    now_s: float,
    is_checked: bool = False,
) -> JobRecord:
    """The job of a request, checked unless it has been. Raises InputError."""
    fields, options = split_options(document)
    if not is_checked:
        job_request(registry, operation, fields)
    return JobRecord(
        id=new_job_id(now_s),
        operation=operation,
        fields=fields,
        options=options,
        key_id=origin.key_id,
        request_id=origin.request_id,
        created_s=now_s,
        status=IN_QUEUE,
    )


def request_digest(job: JobRecord) -> str:
    """The same for requests that ask for the same."""
    asked = [job.operation, job.fields, job.options.model_dump(mode="json")]
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def result_key(job: JobRecord) -> str:
    """Where the job's file lies in the store."""
    return f"jobs/{job.id}/{job.operation}.{job.options.output.container}"


def envelope_key(job: JobRecord) -> str:
    """Where its envelope lies: the proof that it is done, whatever the endpoint remembers."""
    return f"jobs/{job.id}/result.json"


def result_filename(job: JobRecord) -> str:
    """What a browser saves the file as."""
    return f"{job.operation}-{job.id}.{job.options.output.container}"


def content_type(job: JobRecord) -> str:
    return _CONTENT_TYPES[job.options.output.container]


def endpoint_document(job: JobRecord, *, digest: str, storage: Storage | None) -> dict[str, Any]:
    """What the endpoint is given. It holds secrets, which end with the job's time."""
    control = Control(
        job_id=job.id, request_id=job.request_id, digest=digest, delivery=_delivery(job, storage) if storage else None
    )
    return job_input(job.operation, job.fields, output=job.options.output, control=control)


def submission_id(job: JobRecord) -> str:
    """One for each time that the job is handed in: an endpoint that takes the same one once must run it again."""
    return job.id if job.submissions == 0 else f"{job.id}-{job.submissions + 1}"


def _delivery(job: JobRecord, storage: Storage) -> Delivery:
    key, envelope = result_key(job), envelope_key(job)
    media_type, expires_s = content_type(job), DELIVERY_EXPIRES_S
    return Delivery(
        key=key,
        put=storage.signed("PUT", key, expires_s=expires_s, content_type=media_type),
        head=storage.signed("HEAD", key, expires_s=expires_s),
        envelope_put=storage.signed("PUT", envelope, expires_s=expires_s, content_type="application/json"),
        envelope_get=storage.signed("GET", envelope, expires_s=expires_s),
    )
