"""Why a job waits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from apigpu_runtime.backend import IN_QUEUE, Backend, BackendError
from apigpu_runtime.proxy.documents import JobRecord, Waiting, waiting_of
from apigpu_runtime.proxy.jobs.outbox import Outbox

_KEPT_S = 5.0
_AT_ONCE_S = 2.0
"""A job that was made just now has no reason to be asked for."""
_ASK_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class _Answer:
    at_s: float
    waiting: Waiting | None


class Reasons:
    """Reasons from the outbox, for jobs that the endpoint has not taken, and else from the endpoint."""

    def __init__(self, backend: Backend, outbox: Outbox) -> None:
        self._backend = backend
        self._outbox = outbox
        self._answers: dict[int, _Answer] = {}

    async def reason(self, job: JobRecord) -> Waiting | None:
        """None where it does not wait, or nothing is to be said."""
        if job.status != IN_QUEUE:
            return None
        trouble = self._outbox.trouble
        if not job.endpoint_job_id and trouble is not None:
            return Waiting(code=trouble.code, message=trouble.message, remedy=trouble.remedy)
        if not job.endpoint_job_id and (failure := job.failure):
            message = f"It is tried again, since the last try failed: {failure.message}"
            return Waiting(code=failure.code, message=message, remedy=failure.remedy)
        waiting_s = time.time() - job.created_s
        return await self._diagnosed(waiting_s) if waiting_s >= _AT_ONCE_S else None

    async def _diagnosed(self, waiting_s: float) -> Waiting | None:
        """The same answer for jobs that have waited about as long, for some seconds."""
        span = int(waiting_s).bit_length()
        now_s = time.monotonic()
        known = self._answers.get(span)
        if known is None or now_s - known.at_s > _KEPT_S:
            known = self._answers[span] = _Answer(now_s, await self._ask(waiting_s))
        return known.waiting

    async def _ask(self, waiting_s: float) -> Waiting | None:
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                return waiting_of(await self._backend.diagnose(waiting_s=waiting_s))
        except BackendError as error:
            return Waiting(code=error.code, message=error.message, remedy=error.remedy)
        except TimeoutError:
            return None
