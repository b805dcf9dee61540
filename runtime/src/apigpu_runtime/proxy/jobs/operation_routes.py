"""Routes of operations: what there is, and running it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.backend import COMPLETED
from apigpu_runtime.callers import caller_of
from apigpu_runtime.job import PIPELINE
from apigpu_runtime.proxy.descriptions import describe, describe_pipeline, summarise
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.answers import failure_of
from apigpu_runtime.proxy.jobs.idempotency import idempotency_key
from apigpu_runtime.proxy.jobs.job_routes import job_response
from apigpu_runtime.proxy.jobs.jobs import Jobs
from apigpu_runtime.proxy.jobs.prefer import Preference, preference
from apigpu_runtime.proxy.jobs.submission import Origin
from apigpu_runtime.proxy.problems import failed_job_response
from apigpu_runtime.proxy.request_ids import request_id_of

ReadBody = Callable[[Request, Operation | None], Awaitable[dict[str, Any]]]

DEFAULT_WAIT_S = 25.0
"""Below the 40 s after which Make gives up, and the minute of most others."""
MOST_WAIT_S = 300.0
RETRY_AFTER_S = 2


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a request waits for its job: when it says nothing, and at most."""

    default_s: float = DEFAULT_WAIT_S
    most_s: float = MOST_WAIT_S


DEFAULT_PATIENCE = Patience()


def operation_routes(
    registry: Registry,
    jobs: Jobs,
    read_body: ReadBody,
    *,
    patience: Patience = DEFAULT_PATIENCE,
    bodies_are_checked: bool = False,
) -> list[Route]:
    """POST /video/{operation} and /video/pipeline, GET /operations and /operations/{operation}.

    `read_body` gives the fields in a request's body; for a pipeline it gets no operation. `bodies_are_checked`: it
    has checked them against the operation, so that nobody need do it twice.
    """
    public_url = jobs.answers.public_url

    async def run(request: Request) -> Response:
        name = request.path_params["operation"]
        operation = None if name == PIPELINE else registry.get(name)
        document = await read_body(request, operation)
        submitted = await jobs.submit(name, document, origin=_origin(request), is_checked=bodies_are_checked)
        wish = preference(request.headers.getlist("prefer"), default_s=patience.default_s, most_s=patience.most_s)
        job = submitted.job
        if wish.wait_s > 0 and not job.is_final:
            job = await jobs.wait(job.id, timeout_s=wish.wait_s)
        return await _answer(jobs, job, request, wish)

    async def list_operations(request: Request) -> Response:
        items = [summarise(operation, public_url) for operation in registry.operations.values()]
        return JSONResponse({"items": items, "next": None})

    async def get_operation(request: Request) -> Response:
        name = request.path_params["operation"]
        if name == PIPELINE:
            return JSONResponse(describe_pipeline(registry, public_url))
        return JSONResponse(describe(registry.get(name), public_url))

    return [
        Route("/video/{operation}", run, methods=["POST"]),
        Route("/operations", list_operations, methods=["GET"]),
        Route("/operations/{operation}", get_operation, methods=["GET"]),
    ]


def _origin(request: Request) -> Origin:
    return Origin(
        key_id=caller_of(request).key_id,
        request_id=request_id_of(request.scope),
        idempotency_key=idempotency_key(request.headers.get("idempotency-key")),
    )


async def _answer(jobs: Jobs, job: JobRecord, request: Request, wish: Preference) -> Response:
    url = jobs.answers.job_url(job.id)
    headers = {"Location": url, **wish.headers}
    if not job.is_final:
        headers["Retry-After"] = str(RETRY_AFTER_S)
        return job_response(await jobs.document(job), status=202, headers=headers)
    if job.status == COMPLETED:
        return job_response(await jobs.document(job), headers=headers)
    return failed_job_response(failure_of(job), request, job_id=job.id, job_url=url, headers=headers)
