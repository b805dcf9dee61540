"""A refusal as the answer to a request, for what stands before the routes."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from apigpu_runtime.proxy.documents import Problem
from apigpu_runtime.proxy.refusals import Refusal


def refused(error: Refusal, connection: HTTPConnection) -> JSONResponse:
    """The problem document, as problem+json to who names it: n8n reads JSON from `application/json` alone."""
    problem = Problem(
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.message,
        code=error.code,
        message=error.message,
        remedy=error.remedy,
        errors=[{"path": error.where, "message": error.message, "remedy": error.remedy}] if error.where else [],
    )
    accept = connection.headers.get("accept", "")
    kind = "application/problem+json" if "application/problem+json" in accept else "application/json"
    return JSONResponse(
        problem.model_dump(), error.status, headers={**error.headers, "Cache-Control": "no-store"}, media_type=kind
    )
