"""What the proxy needs from a queue of jobs: RunPod's endpoint API, whoever speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from apigpu.errors import ApiGpuError

IN_QUEUE = "IN_QUEUE"
IN_PROGRESS = "IN_PROGRESS"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
CANCELLED = "CANCELLED"
TIMED_OUT = "TIMED_OUT"
FINAL = frozenset({COMPLETED, FAILED, CANCELLED, TIMED_OUT})
"""States that a job does not leave by itself. One that is not known here is not final."""


class BackendError(ApiGpuError):
    """The endpoint did not do as asked: `retryable` where the same may work later."""

    code = "backend_failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: str = "",
        remedy: str = "",
        retryable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, where=where, remedy=remedy)
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class JobUnknown(BackendError):
    """The endpoint has no such job: it never had, or has forgotten it (30 minutes after its end)."""

    code = "job_unknown"


@dataclass(frozen=True)
class JobStatus:
    """One answer of `/status`. Times in milliseconds, as RunPod gives them."""

    id: str
    status: str
    output: Any = None
    error: Any = None
    delay_time_ms: int | None = None
    execution_time_ms: int | None = None
    retries: int = 0
    worker_id: str = ""


@dataclass(frozen=True)
class EndpointHealth:
    """One answer of `/health`: counts of jobs (`inQueue`, `inProgress`, ...) and of workers (`idle`, `running`,
    `initializing`, `throttled`, `unhealthy`, `ready`)."""

    jobs: Mapping[str, int] = field(default_factory=dict)
    workers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """Why a job waits, or why an endpoint does not work: a stable word, a sentence, and what to do."""

    code: str
    message: str
    remedy: str = ""
    broken: bool = False
    """Waiting alone will not help."""


class Backend(Protocol):
    """A queue of jobs. Every method raises BackendError."""

    name: str
    """For people: `local`, or the endpoint's id."""

    async def run(self, document: Mapping[str, Any], *, job_id: str, policy: Mapping[str, Any] | None = None) -> str:
        """Submit a job's `input`; its id at the endpoint. `job_id` is ours, sent as `Idempotency-Key`: the local
        plane takes the same one once; RunPod may take it twice, and then the delivery's keys make them one."""
        ...

    async def status(self, endpoint_job_id: str) -> JobStatus:
        """Raises JobUnknown."""
        ...

    async def cancel(self, endpoint_job_id: str) -> None:
        """Raises JobUnknown."""
        ...

    async def health(self) -> EndpointHealth: ...

    async def diagnose(self, *, waiting_s: float | None = None) -> Diagnosis | None:
        """Why a job that has waited so long does not run; without `waiting_s`, what is wrong with the endpoint.
        None where nothing is to be said. Answers may be some seconds old."""
        ...
