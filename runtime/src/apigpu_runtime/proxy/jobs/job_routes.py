"""Routes of jobs: list, look, cancel, follow, fetch.

Every key of a deployment sees all its jobs: keys are a team's, and a job tells in the database which one made it.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apigpu_runtime.proxy.documents import JobDocument
from apigpu_runtime.proxy.jobs.events import job_events
from apigpu_runtime.proxy.jobs.job_lists import job_filter, next_page
from apigpu_runtime.proxy.jobs.jobs import Jobs
from apigpu_runtime.proxy.jobs.result_files import result_response

CANCEL_WAIT_S = 2.0
"""So long a cancel waits for the endpoint to obey, so that most are answered with the end."""


def job_routes(jobs: Jobs) -> list[Route]:
    """GET /jobs, GET and DELETE /jobs/{id}, and its events and result."""

    async def list_jobs(request: Request) -> Response:
        query = dict(request.query_params)
        wanted = job_filter(query)
        found = await jobs.list(wanted)
        items = [(await jobs.document(job)).model_dump(mode="json") for job in found]
        url = f"{jobs.answers.public_url}/jobs"
        return JSONResponse({"items": items, "next": next_page(url, query, found, wanted.limit)}, headers=_FRESH)

    async def get_job(request: Request) -> Response:
        return job_response(await jobs.document(jobs.get(_id(request))))

    async def cancel_job(request: Request) -> Response:
        job = await jobs.cancel(_id(request))
        if not job.is_final:
            job = await jobs.wait(job.id, timeout_s=CANCEL_WAIT_S)
        return job_response(await jobs.document(job), status=200 if job.is_final else 202)

    async def one_job(request: Request) -> Response:
        return await (cancel_job if request.method == "DELETE" else get_job)(request)

    async def get_events(request: Request) -> Response:
        return job_events(jobs, jobs.get(_id(request)), request)

    async def get_result(request: Request) -> Response:
        return result_response(jobs.get(_id(request)), storage=jobs.storage, answers=jobs.answers)

    return [
        Route("/jobs", list_jobs, methods=["GET"]),
        # One route: with two, the answer to another method would name the methods of the first alone.
        Route("/jobs/{id}", one_job, methods=["GET", "DELETE"]),
        Route("/jobs/{id}/events", get_events, methods=["GET"]),
        Route("/jobs/{id}/result", get_result, methods=["GET"]),
    ]


def job_response(document: JobDocument, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        document.model_dump_json(), status, headers={**_FRESH, **(headers or {})}, media_type="application/json"
    )


_FRESH = {"Cache-Control": "no-store"}


def _id(request: Request) -> str:
    found = request.path_params["id"]
    assert isinstance(found, str)
    return found
