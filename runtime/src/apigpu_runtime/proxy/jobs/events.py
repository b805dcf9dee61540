"""A job's states as server-sent events, the whole job in each."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.jobs import Jobs

PING_S = 15
RECONNECT_MS = 2000


def job_events(jobs: Jobs, job: JobRecord, request: Request) -> Response:
    """The stream from now to the job's end.

    A client that has seen the end gets 204, which makes a browser's EventSource stop asking.
    """
    seen = request.headers.get("last-event-id", "")
    if job.is_final and seen == event_id(job):
        return Response(status_code=204)
    return EventSourceResponse(
        _events(jobs, job.id, seen),
        ping=PING_S,
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
    )


def event_id(job: JobRecord) -> str:
    """The same for the same state, after a restart too."""
    progress = job.progress.model_dump_json() if job.progress else ""
    state = f"{job.status} {job.endpoint_job_id} {job.cancel_requested} {progress}"
    return hashlib.sha256(state.encode()).hexdigest()[:12]


async def _events(jobs: Jobs, job_id: str, seen: str) -> AsyncIterator[ServerSentEvent]:
    async with aclosing(jobs.changes(job_id)) as changes:
        async for job in changes:
            state = event_id(job)
            if state != seen:
                seen = state
                document = await jobs.document(job)
                yield ServerSentEvent(data=document.model_dump_json(), id=state, retry=RECONNECT_MS)
