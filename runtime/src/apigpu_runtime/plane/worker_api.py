"""RunPod's worker protocol: what the SDK's workers speak."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu_runtime.backend import IN_PROGRESS
from apigpu_runtime.callers import WORKER
from apigpu_runtime.plane.http import Endpoint, Refused, answer, hanging_up, nothing, only, read_body, read_object
from apigpu_runtime.plane.plane import Plane
from apigpu_runtime.plane.store.change import as_json
from apigpu_runtime.plane.store.workers import Report, TakenJob

_MOST_JOBS = 1000
_LONGEST_ID = 200


def worker_routes(plane: Plane) -> list[Route]:
    api = _WorkerApi(plane)
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/job-take/{worker_id}", api.take),
        ("GET", "/job-take-batch/{worker_id}", api.take_batch),
        ("GET", "/job-stop/{worker_id}", api.stops),
        ("POST", "/job-done/{worker_id}/{job_id}", api.done),
        ("POST", "/job-stream/{worker_id}/{job_id}", api.chunk),
        ("GET", "/ping/{worker_id}", api.ping),
    ]
    return [Route(path, only(WORKER, endpoint), methods=[method]) for method, path, endpoint in table]


class _WorkerApi:
    def __init__(self, plane: Plane) -> None:
        self._desk = plane.workers
        self._behaviour = plane.behaviour

    async def take(self, request: Request) -> Response:
        jobs = await self._take(request, 1)
        return answer(_as_given(jobs[0])) if jobs else nothing()

    async def take_batch(self, request: Request) -> Response:
        wanted = request.query_params.get("batch_size", "1")
        if not wanted.isdecimal() or not 1 <= int(wanted) <= _MOST_JOBS:
            raise Refused(422, f"batch_size must be from 1 to {_MOST_JOBS}")
        jobs = await self._take(request, int(wanted))
        return answer([_as_given(job) for job in jobs]) if jobs else nothing()

    async def stops(self, request: Request) -> Response:
        async with hanging_up(request) as gone:
            jobs = await self._desk.stops(_worker_id(request), gone)
        return answer({"jobsToStop": jobs}) if jobs else nothing()

    async def ping(self, request: Request) -> Response:
        ids = [job_id for job_id in request.query_params.get("job_id", "").split(",")[:_MOST_JOBS] if job_id]
        await self._desk.ping(_worker_id(request), ids)
        return answer({})

    async def chunk(self, request: Request) -> Response:
        document = await self._report(request, self._behaviour.max_chunk_bytes)
        await self._desk.chunk(_worker_id(request), request.path_params["job_id"], as_json(document))
        return answer({})

    async def done(self, request: Request) -> Response:
        """The result of a job, or its progress. The SDK calls the body a form; it is JSON."""
        worker_id, job_id = _worker_id(request), request.path_params["job_id"]
        try:
            document = await self._report(request, self._behaviour.max_result_bytes)
        except Refused as refused:
            await self._lost_result(worker_id, job_id, refused.message)
            raise
        output = as_json(document["output"]) if document.get("output") is not None else None
        if document.get("status") == IN_PROGRESS:
            await self._desk.progress(worker_id, job_id, output or "null")
            return answer({})
        error = document.get("error")
        report = Report(output, as_json(error) if error else None)
        known = await self._desk.deliver(worker_id, job_id, report)
        if document.get("stopPod") is True:
            self._desk.refresh(worker_id)
        if not known:
            raise Refused(404, "no job of this id is known")
        return answer({})

    async def _take(self, request: Request, count: int) -> list[TakenJob]:
        idle = request.query_params.get("job_in_progress") == "0"
        async with hanging_up(request) as gone:
            return await self._desk.take(_worker_id(request), count, idle=idle, gone=gone)

    async def _report(self, request: Request, max_bytes: int) -> dict[str, Any]:
        body = await read_body(request, max_bytes)
        if body is None:
            raise Refused(400, f"the result is longer than {max_bytes} bytes")
        try:
            return read_object(body)
        except ValueError:
            raise Refused(400, "the result is not a JSON object") from None

    async def _lost_result(self, worker_id: str, job_id: str, reason: str) -> None:
        """A result that cannot be kept ends its job: doing it again would end the same way."""
        if self._behaviour.oversize_result == "FAILED":
            await self._desk.deliver(worker_id, job_id, Report(None, as_json(reason)))


def _as_given(job: TakenJob) -> dict[str, Any]:
    return {"id": job.id, "input": from_json(job.input), **from_json(job.extras)}


def _worker_id(request: Request) -> str:
    worker_id: str = request.path_params["worker_id"]
    if len(worker_id) > _LONGEST_ID:
        raise Refused(400, "the worker's id is too long")
    return worker_id
