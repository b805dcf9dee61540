"""What a handler may give the SDK: plain JSON of a few kB, whatever happened in it.

The SDK posts nothing for a result that is not JSON or after `sys.exit`, and the job then hangs; the traceback of an
exception it sends to the client.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from apigpu.errors import ApiGpuError
from apigpu_runtime.envelope import Failure
from apigpu_runtime.worker.loop import Job, Stopping

MAX_RESULT_BYTES = 1_000_000
"""RunPod refuses what is too long with 400, and the job is lost; its limit lies somewhere above."""

Handler = Callable[[Job], Awaitable[dict[str, Any]]]
Fail = Callable[[Job, ApiGpuError], Failure]
Log = Callable[[str, str, str | None], None]


class WorkerError(ApiGpuError):
    """The worker itself is at fault, or is being stopped."""

    code = "worker_bug"

    def __init__(self, message: str, *, code: str | None = None, remedy: str = "", retryable: bool = False) -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.retryable = retryable


def guarded(handler: Handler, *, fail: Fail, log: Log, stopping: Stopping) -> Handler:
    """The handler, with nothing raised but the cancellation that a stop signal asked for."""

    async def call(job: Job) -> dict[str, Any]:
        try:
            return _checked(await handler(job))
        except asyncio.CancelledError as cancelled:
            error = _of_cancellation(cancelled, stopping)
        except ApiGpuError as raised:
            error = raised
        except GeneratorExit:
            raise
        except (
            BaseException
        ) as raised:  # SystemExit too: out of a plugin it would end the worker, with no result sent
            log("ERROR", f"The worker failed: {traceback.format_exc()}", job["id"])
            error = _bug(raised)
        return {"error": _text_of(fail(job, error))}

    return call


def _checked(output: dict[str, Any]) -> dict[str, Any]:
    try:
        size_bytes = len(json.dumps(output, ensure_ascii=False, allow_nan=False).encode("utf-8", "strict"))
    except (TypeError, ValueError, RecursionError) as error:
        raise WorkerError(
            f"the result cannot be sent, since it is not plain JSON: {error}.",
            code="result_not_json",
            remedy="This is a fault of apigpu or of a plugin; report it.",
        ) from error
    if size_bytes > MAX_RESULT_BYTES:
        raise WorkerError(
            f"the result has {size_bytes} bytes of JSON; {MAX_RESULT_BYTES} can be sent.",
            code="result_too_large",
            remedy="Ask for less in one job.",
        )
    return output


def _of_cancellation(cancelled: asyncio.CancelledError, stopping: Stopping) -> ApiGpuError:
    """The error that stands for it. Raises it on where somebody has asked for the job to stop."""
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        return _bug(cancelled)
    if not stopping.handing_back:
        raise cancelled
    task.uncancel()
    return WorkerError(
        "the worker was told to end before the job was done.",
        code="worker_stopped",
        remedy="Submit it again.",
        retryable=True,
    )


def _bug(raised: BaseException) -> WorkerError:
    return WorkerError(
        f"the worker failed in a way that it should not ({type(raised).__name__}).",
        code="worker_bug",
        remedy="Its log has the details; please report it.",
    )


def _text_of(failure: Failure) -> str:
    text = failure.model_dump_json()
    return text if len(text) <= MAX_RESULT_BYTES else failure.model_copy(update={"argv": []}).model_dump_json()
