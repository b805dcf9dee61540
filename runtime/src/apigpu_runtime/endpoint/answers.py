"""What an endpoint answers. Lenient where RunPod documents nothing: a field of an odd type counts as left out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from apigpu_runtime.backend import COMPLETED, FAILED, IN_PROGRESS, EndpointHealth, JobStatus


def _text(value: object) -> object:
    return value if isinstance(value, str) else ""


def _count(value: object) -> object:
    return int(value) if isinstance(value, int | float) and abs(value) < 2**53 else None


def _counts(value: object) -> object:
    pairs = value.items() if isinstance(value, dict) else ()
    return {key: int(count) for key, count in pairs if isinstance(count, int | float) and 0 <= count < 2**53}


Text = Annotated[str, BeforeValidator(_text)]
Count = Annotated[int | None, BeforeValidator(_count)]
Counts = Annotated[dict[str, int], BeforeValidator(_counts)]


class OddAnswer(ValueError):
    """An answer that is JSON, but not one that can be understood. The message says what was expected."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Submitted(_Answer):
    id: str = Field(min_length=1, max_length=200)


class _Status(_Answer):
    id: Text = ""
    status: Text = ""
    output: Any = None
    error: Any = None
    delay_time_ms: Count = Field(None, alias="delayTime")
    execution_time_ms: Count = Field(None, alias="executionTime")
    retries: Count = None
    worker_id: Text = Field("", alias="workerId")


class _Health(_Answer):
    jobs: Counts = {}
    workers: Counts = {}


def submitted_id(document: object) -> str:
    """The id in the answer of `/run`. Raises OddAnswer."""
    try:
        return _Submitted.model_validate(document).id
    except ValidationError:
        raise OddAnswer("an object with the id of the job") from None


def job_status(document: object, endpoint_job_id: str) -> JobStatus:
    """The answer of `/status`. A state that is not known here is kept as it is. Raises OddAnswer."""
    if not isinstance(document, dict):
        raise OddAnswer("an object with the status of the job")
    answer = _Status.model_validate(document)
    return JobStatus(
        id=answer.id or endpoint_job_id,
        status=_state(answer),
        output=answer.output,
        error=answer.error,
        delay_time_ms=answer.delay_time_ms,
        execution_time_ms=answer.execution_time_ms,
        retries=answer.retries or 0,
        worker_id=answer.worker_id,
    )


def endpoint_health(document: object) -> EndpointHealth:
    """The answer of `/health`. Raises OddAnswer."""
    if not isinstance(document, dict) or not {"jobs", "workers"} & document.keys():
        raise OddAnswer("an object with counts of jobs and workers")
    answer = _Health.model_validate(document)
    return EndpointHealth(answer.jobs, answer.workers)


def _state(answer: _Status) -> str:
    """RunPod's documents have two words for a running job. An empty state is read off what stands beside it."""
    state = answer.status.strip().upper()
    if state == "RUNNING":
        return IN_PROGRESS
    if state:
        return state
    if answer.error:
        return FAILED
    if answer.output is not None:
        return COMPLETED
    raise OddAnswer("the status of the job")


def endpoint_reason(document: object) -> str:
    """Why workers end as they start, which the local plane tells in its `/health` and RunPod does not."""
    reason = document.get("reason") if isinstance(document, dict) else None
    return " ".join(reason.split())[:600] if isinstance(reason, str) else ""
