"""What clients are answered: one shape for a job, waiting or done, the seed's fields first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from apigpu_runtime.backend import FINAL, Diagnosis
from apigpu_runtime.envelope import Failure, ProgressReport, Result
from apigpu_runtime.job import Options


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A job as the proxy keeps it. Times are seconds since 1970, UTC."""

    id: str
    operation: str
    fields: Mapping[str, Any]
    """As they were sent, without the options."""
    options: Options
    key_id: str = ""
    """The API key that made it."""
    request_id: str = ""
    created_s: float
    status: str
    """RunPod's words (`apigpu_runtime.backend`)."""
    endpoint_job_id: str = ""
    """Empty until the endpoint has taken it."""
    started_s: float | None = None
    finished_s: float | None = None
    submissions: int = 0
    """How often it was handed to the endpoint."""
    submitted_s: float | None = None
    """When the endpoint last took it."""
    cancel_requested: bool = False
    execution_time_ms: int | None = None
    progress: ProgressReport | None = None
    result: Result | None = None
    failure: Failure | None = None
    """Why it failed; of a job that has not ended, why its last try did."""

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


class _Part(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Execution(_Part):
    """When it ran, by the proxy's clock."""

    startTime: str | None = None  # the names of the first apigpu, which clients rely on
    """RFC 3339, UTC."""
    endTime: str | None = None
    durationMs: int | None = None
    durationSeconds: float | None = None


class Stats(_Part):
    """In RunPod's words, milliseconds."""

    jobId: str
    delayTime: int | None = None
    executionTime: int | None = None
    costUsd: float | None = None


class Waiting(_Part):
    """Why a job has not begun."""

    code: str
    message: str
    remedy: str = ""


class Links(_Part):
    """Addresses of the job."""

    self: str
    events: str
    result: str


class Problem(_Part):
    """What went wrong, by RFC 9457; `message` and `code` stand for clients that look for these."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    message: str
    remedy: str = ""
    request_id: str = ""
    errors: list[dict[str, str]] = Field(default=[], description="Each fault: `path`, `message`, `remedy`.")


class JobProblem(Problem):
    """A job that failed while its client waited."""

    instance: str
    """Address of the job."""
    job_id: str
    failure: Failure


class JobDocument(_Part):
    """A job, whatever its state."""

    code: int
    """The HTTP status that stands for the job: 200 done, 202 not yet, 4xx or 5xx failed."""
    message: str
    video_url: str | None = None
    """Where the video can be had, for a while and without a key; null until the job is COMPLETED."""
    execution: Execution
    stats: Stats
    id: str
    operation: str
    status: str
    """IN_QUEUE, IN_PROGRESS, COMPLETED, FAILED, CANCELLED or TIMED_OUT."""
    created_at: str
    """RFC 3339, UTC."""
    progress: ProgressReport | None = None
    waiting: Waiting | None = None
    error: Failure | None = None
    result: Result | None = None
    links: Links


def waiting_of(diagnosis: Diagnosis | None) -> Waiting | None:
    if diagnosis is None:
        return None
    return Waiting(code=diagnosis.code, message=diagnosis.message, remedy=diagnosis.remedy)
