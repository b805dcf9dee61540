"""Jobs in the words that clients are told."""

from __future__ import annotations

from datetime import UTC, datetime

from apigpu_runtime import backend
from apigpu_runtime.backend import COMPLETED
from apigpu_runtime.envelope import Failure
from apigpu_runtime.proxy.documents import Execution, JobDocument, JobRecord, Links, Stats, Waiting
from apigpu_runtime.proxy.jobs.statuses import status_of_failure
from apigpu_runtime.proxy.jobs.submission import result_filename
from apigpu_runtime.storage import Storage

VIDEO_URL_EXPIRES_S = 24 * 3600


def http_status(job: JobRecord) -> int:
    """The HTTP status that stands for a job."""
    match job.status:
        case backend.COMPLETED:
            return 200
        case backend.CANCELLED | backend.FAILED | backend.TIMED_OUT:
            return status_of_failure(failure_of(job))
    return 202


class Answers:
    """Documents of jobs, with addresses under `public_url`."""

    def __init__(self, storage: Storage | None, public_url: str) -> None:
        self._storage = storage
        self.public_url = public_url.rstrip("/")

    def job_url(self, job_id: str) -> str:
        return f"{self.public_url}/jobs/{job_id}"

    def document(self, job: JobRecord, *, waiting: Waiting | None = None) -> JobDocument:
        """What clients are told of a job. Safe in any thread."""
        return document_of(job, url=self.job_url(job.id), video_url=self.video_url(job), waiting=waiting)

    def video_url(self, job: JobRecord) -> str | None:
        """An address of the file that needs no key, for a day; None before it is there."""
        if job.status != COMPLETED or job.result is None or not job.result.outputs:
            return None
        output = job.result.outputs[0]
        if self._storage is None or not output.key:
            return output.url or None
        filename = result_filename(job)
        return self._storage.signed("GET", output.key, expires_s=VIDEO_URL_EXPIRES_S, filename=filename).url


def document_of(
    job: JobRecord, *, url: str, video_url: str | None = None, waiting: Waiting | None = None
) -> JobDocument:
    """The document of a job whose address is `url`."""
    return JobDocument(
        code=http_status(job),
        message=_message(job),
        video_url=video_url,
        execution=_execution(job),
        stats=_stats(job),
        id=job.id,
        operation=job.operation,
        status=job.status,
        created_at=_time(job.created_s),
        progress=job.progress,
        waiting=waiting,
        error=job.failure if job.is_final else None,
        result=job.result,
        links=Links(self=url, events=f"{url}/events", result=f"{url}/result"),
    )


def _message(job: JobRecord) -> str:
    match job.status:
        case backend.COMPLETED:
            return "The video is ready."
        case backend.IN_PROGRESS:
            return "The job is being worked on."
        case backend.CANCELLED | backend.FAILED | backend.TIMED_OUT:
            return failure_of(job).message
    return (
        "The job is cancelled as soon as the endpoint obeys." if job.cancel_requested else "The job waits its turn."
    )


def failure_of(job: JobRecord) -> Failure:
    """Why a job has no result."""
    if job.failure is not None:
        return job.failure
    return Failure(code="cancelled", message="The job was cancelled.", job_id=job.id, operation=job.operation)


def _execution(job: JobRecord) -> Execution:
    start_s, end_s = job.started_s, job.finished_s
    took_ms = round((end_s - start_s) * 1000) if start_s is not None and end_s is not None else None
    return Execution(
        startTime=_time(start_s) if start_s is not None else None,
        endTime=_time(end_s) if end_s is not None else None,
        durationMs=took_ms,
        durationSeconds=took_ms / 1000 if took_ms is not None else None,
    )


def _stats(job: JobRecord) -> Stats:
    return Stats(
        jobId=job.id,
        delayTime=round((job.started_s - job.created_s) * 1000) if job.started_s is not None else None,
        executionTime=job.execution_time_ms,
        costUsd=job.result.cost_usd if job.result else None,
    )


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
