"""Which HTTP status an error has: the one table."""

from __future__ import annotations

from apigpu.errors import ApiGpuError, FFmpegError, InputError, SetupError, UnsupportedError
from apigpu_runtime.backend import BackendError
from apigpu_runtime.envelope import Failure
from apigpu_runtime.proxy.refusals import Refusal
from apigpu_runtime.storage.errors import StorageError

_OF_CODE = {
    "unknown_job": 404,
    "unknown_file": 404,
    "not_finished": 409,
    "no_file": 409,
    "too_large": 413,
    "unsupported_media_type": 415,
    "job_unknown": 404,
}
_OF_END = {"timed_out": 504, "cancelled": 409}
OF_FAULT = {"user": 422, "machine": 502, "plugin": 500, "unknown": 500}
RETRY_AFTER_S = 5


def status_of(error: ApiGpuError) -> int:
    """4xx for what the caller can mend, 502 and 503 for parts that do not answer, 500 for everything else."""
    if isinstance(error, Refusal):
        return error.status
    if error.code == "unknown_operation" and not error.where:
        return 404
    if error.code in _OF_CODE:
        return _OF_CODE[error.code]
    match error:
        case InputError() | UnsupportedError():
            return 422
        case BackendError() | StorageError():
            return 503 if error.retryable else 502
        case FFmpegError():
            return OF_FAULT.get(error.fault, 500)
        case SetupError():
            return 503
    return 500


def status_of_failure(failure: Failure) -> int:
    """The same for a job that failed."""
    return _OF_END.get(failure.code) or OF_FAULT[failure.fault]


def retry_after_s(error: ApiGpuError) -> int | None:
    """When the same may work, where that is likely at all."""
    if isinstance(error, BackendError | StorageError) and error.retryable:
        asked_s = error.retry_after_s if isinstance(error, BackendError) else None
        return max(1, round(asked_s)) if asked_s is not None else RETRY_AFTER_S
    return None
