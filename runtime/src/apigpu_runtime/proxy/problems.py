"""Errors as clients get them: problem details of RFC 9457, with a `message` and a `code` beside."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from apigpu.errors import ApiGpuError, InputError
from apigpu_runtime.envelope import Failure
from apigpu_runtime.proxy.documents import JobProblem, Problem
from apigpu_runtime.proxy.jobs.statuses import retry_after_s, status_of, status_of_failure
from apigpu_runtime.proxy.refusals import Refusal
from apigpu_runtime.proxy.request_ids import HEADER, request_id_of

_log = structlog.get_logger("apigpu.proxy")

PROBLEM_JSON = "application/problem+json"


def problem_response(error: Exception, request: Request) -> Response:
    """The answer for an error. One that nobody foresaw is logged, and told without its details."""
    match error:
        case ApiGpuError():
            return _known(error, request)
        case HTTPException():
            return _of_http(error, request)
    _log.error("unexpected_error", exc_info=error, method=request.method, path=request.url.path)
    problem = _problem(
        request, 500, code="internal_error", message="Something unexpected went wrong here.", remedy=_REPORT
    )
    # It goes out beside the middleware that names all other answers.
    return problem_answer(problem, request, {HEADER: problem.request_id} if problem.request_id else None)


def failed_job_response(
    failure: Failure, request: Request, *, job_id: str, job_url: str, headers: Mapping[str, str]
) -> Response:
    """The answer for a job that failed while its client waited."""
    status = status_of_failure(failure)
    facts = _problem(request, status, code=failure.code, message=failure.message, remedy=failure.remedy).model_dump()
    facts["errors"] = [_fault(failure.where, failure.message, failure.remedy)]
    problem = JobProblem(**facts, instance=job_url, job_id=job_id, failure=failure)
    return problem_answer(problem, request, headers)


def problem_answer(problem: Problem, request: Request, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells a problem, in the content type that its caller can read."""
    sent = {**(headers or {}), "Cache-Control": "no-store"}
    return Response(
        problem.model_dump_json(), problem.status, headers=sent, media_type=_media_type(request.headers.get("accept"))
    )


def _known(error: ApiGpuError, request: Request) -> Response:
    status = status_of(error)
    problem = _problem(request, status, code=error.code, message=_sentence(error), remedy=error.remedy.strip())
    faults = error.faults if isinstance(error, InputError) else (error,)
    problem.errors = [_fault(item.where, item.message, item.remedy.strip()) for item in faults]
    headers = dict(error.headers) if isinstance(error, Refusal) else {}
    if (after_s := retry_after_s(error)) is not None:
        headers["Retry-After"] = str(after_s)
    if status >= 500:
        _log.warning("request_failed", code=error.code, message=error.message, status=status)
    return problem_answer(problem, request, headers)


def _of_http(error: HTTPException, request: Request) -> Response:
    """Errors of Starlette itself, such as 404 and 405."""
    path = request.url.path
    code, message, remedy = {
        404: (
            "not_found",
            f"there is nothing at {path[:200]}.",
            "GET /operations and /openapi.json tell what there is.",
        ),
        405: ("method_not_allowed", f"{path[:200]} does not take {request.method}.", ""),
    }.get(error.status_code, (_phrase(error.status_code).lower().replace(" ", "_"), str(error.detail), ""))
    if error.status_code == 405 and error.headers:
        remedy = f"It takes {error.headers.get('Allow', '')}."
    problem = _problem(request, error.status_code, code=code, message=message, remedy=remedy)
    return problem_answer(problem, request, error.headers)


def _problem(request: Request, status: int, *, code: str, message: str, remedy: str) -> Problem:
    return Problem(
        title=_phrase(status),
        status=status,
        detail=f"{message} {remedy}".strip(),
        code=code,
        message=f"{message} {remedy}".strip(),
        remedy=remedy,
        request_id=request_id_of(request.scope),
    )


def _sentence(error: ApiGpuError) -> str:
    """What is wrong and where: n8n and others show only `message`."""
    return f"{error.where}: {error.message}" if error.where else error.message


def _fault(path: str, message: str, remedy: str) -> dict[str, str]:
    return {"path": path, "message": message, "remedy": remedy}


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _media_type(accept: str | None) -> str:
    """problem+json only for those that ask for it or take anything: n8n reads JSON only if it is called so."""
    if accept is None or accept.strip() == "*/*" or PROBLEM_JSON in accept.lower():
        return PROBLEM_JSON
    return "application/json"


_REPORT = "Try again; if it comes back, report it with the request id, under which the log tells more."


async def _handle(request: Request, error: Exception) -> Response:
    return problem_response(error, request)


error_handlers: Mapping[Any, Any] = {ApiGpuError: _handle, HTTPException: _handle, Exception: _handle}
"""For `Starlette(exception_handlers=...)`."""
