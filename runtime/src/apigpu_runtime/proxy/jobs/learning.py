"""What an answer of the endpoint means for a job."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu_runtime import backend
from apigpu_runtime.backend import CANCELLED, COMPLETED, FAILED, TIMED_OUT, JobStatus
from apigpu_runtime.endpoint.diagnosis import failure_diagnosis
from apigpu_runtime.envelope import Failure, ProgressReport, read_failure, read_progress, read_result
from apigpu_runtime.proxy.jobs.job_store import Ending

_SHOWN_CHARACTERS = 500


@dataclass(frozen=True)
class Queued:
    """It waits."""


@dataclass(frozen=True)
class Running:
    """It is worked on."""

    progress: ProgressReport | None


@dataclass(frozen=True)
class Over:
    """It has ended so. `proof_first`: the store may know better, since a worker's last word can get lost."""

    ending: Ending
    proof_first: bool = False
    again: bool = False
    """Another try may end otherwise."""


Finding = Queued | Running | Over


def finding(status: JobStatus) -> Finding:
    """What a status says. States that are not known are taken for work in progress."""
    match status.status:
        case backend.IN_QUEUE:
            return Queued()
        case backend.COMPLETED:
            return _completed(status)
        case backend.FAILED:
            return _failed(status)
        case backend.CANCELLED:
            return Over(Ending(status=CANCELLED))
        case backend.TIMED_OUT:
            return Over(Ending(status=TIMED_OUT, failure=_TIMED_OUT), proof_first=True)
    return Running(read_progress(status.output))


def unknown_to_endpoint() -> Over:
    """What it means that the endpoint knows nothing of a job that it had taken."""
    return Over(Ending(status=FAILED, failure=_LOST), proof_first=True, again=True)


def _completed(status: JobStatus) -> Over:
    result = read_result(status.output)
    if result is None:
        return Over(Ending(status=FAILED, failure=_NO_RESULT), proof_first=True, again=True)
    return Over(Ending(status=COMPLETED, result=result, execution_time_ms=status.execution_time_ms))


def _failed(status: JobStatus) -> Over:
    failure = read_failure(status.error)
    known = _explained(failure) if failure else _foreign(status.error)
    ending = Ending(status=FAILED, failure=known, execution_time_ms=status.execution_time_ms)
    return Over(ending, proof_first=failure is None, again=known.retryable)


def _explained(failure: Failure) -> Failure:
    """With what it says of the worker's image, where that is at fault and not the request."""
    found = failure_diagnosis(failure)
    if found is None:
        return failure
    message = failure.message if found.code == failure.code else found.message
    update = {"code": found.code, "message": message, "remedy": found.remedy, "fault": "machine"}
    return failure.model_copy(update=update)


def _foreign(error: object) -> Failure:
    """An error that is none of the worker's own, such as a crash told by the endpoint."""
    text = str(error).strip()[:_SHOWN_CHARACTERS] if error else "it said nothing more"
    return Failure(
        code="endpoint_failed",
        message=f"The endpoint gave the job up: {text}",
        remedy="Try again; if it comes back, look at the worker's log.",
        fault="machine",
    )


_NO_RESULT = Failure(
    code="no_result",
    message="The endpoint says that the job is done, but its result never arrived.",
    remedy="Try again; if it comes back, look at the worker's log and at the storage.",
    fault="machine",
)
_LOST = Failure(
    code="job_lost",
    message="The endpoint no longer knows the job, and no result of it was stored.",
    remedy="Send it again.",
    fault="machine",
)
_TIMED_OUT = Failure(
    code="timed_out",
    message="The endpoint ended the job, since it took or waited longer than the endpoint allows.",
    remedy="Make the work shorter, or raise the endpoint's execution timeout.",
    fault="machine",
)
