"""RunPod's endpoint API: what clients call."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu_runtime.backend import FAILED, FINAL, IN_PROGRESS, IN_QUEUE, TIMED_OUT
from apigpu_runtime.callers import CLIENT, INTERNAL, caller_of
from apigpu_runtime.plane.http import Endpoint, Refused, answer, hanging_up, only, read_body
from apigpu_runtime.plane.limits import Limits
from apigpu_runtime.plane.plane import Plane
from apigpu_runtime.plane.store.clients import StoredJob
from apigpu_runtime.plane.submission import read_submission


def endpoint_routes(plane: Plane) -> list[Route]:
    api = _EndpointApi(plane)
    table: list[tuple[str, str, Endpoint]] = [
        ("POST", "/run", api.run),
        ("POST", "/runsync", api.runsync),
        ("GET", "/status/{job_id}", api.status),
        ("GET", "/status-sync/{job_id}", api.status_sync),
        ("GET", "/stream/{job_id}", api.stream),
        ("POST", "/cancel/{job_id}", api.cancel),
        ("POST", "/retry/{job_id}", api.retry),
        ("POST", "/purge-queue", api.purge),
        ("GET", "/health", api.health),
    ]
    return [Route(path, only(CLIENT, endpoint), methods=[method]) for method, path, endpoint in table]


class _EndpointApi:
    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._behaviour = plane.behaviour
        self._limits = Limits(plane.behaviour.rate_limits, plane.behaviour.rate_window_s)

    async def run(self, request: Request) -> Response:
        with self._admitted(request, "run"):
            job_id = await self._submit(request, sync=False, max_bytes=self._behaviour.max_run_bytes)
            job = self._plane.find(job_id)
            return answer({"id": job_id, "status": self._word(job.state if job else IN_QUEUE)})

    async def runsync(self, request: Request) -> Response:
        with self._admitted(request, "runsync"):
            timeout_s = self._wait_s(request)
            job_id = await self._submit(request, sync=True, max_bytes=self._behaviour.max_runsync_bytes)
            return await self._finished(request, job_id, timeout_s)

    async def status(self, request: Request) -> Response:
        with self._admitted(request, "status"):
            return answer(self._document(self._known(self._plane.find(request.path_params["job_id"]))))

    async def status_sync(self, request: Request) -> Response:
        """Not in RunPod's pages; its JavaScript client waits with it."""
        with self._admitted(request, "status"):
            return await self._finished(request, request.path_params["job_id"], self._wait_s(request))

    async def stream(self, request: Request) -> Response:
        with self._admitted(request, "stream"):
            hold_s = self._behaviour.stream_hold_s
            if "wait" in request.query_params:
                hold_s = self._wait_s(request)
            async with hanging_up(request) as gone:
                found = await self._plane.stream(request.path_params["job_id"], hold_s, gone)
            if found is None:
                raise _unknown()
            job, chunks = found
            return answer({"status": self._word(job.state), "stream": chunks})

    async def cancel(self, request: Request) -> Response:
        with self._admitted(request, "cancel"):
            job_id = request.path_params["job_id"]
            before = self._known(self._plane.find(job_id))
            job = self._known(await self._plane.cancel(job_id))
            status = self._behaviour.cancel_finished_status if before.state in FINAL else 200
            if status != 200:
                raise Refused(status, f"the job is {job.state} already")
            return answer({"id": job.id, "status": self._word(job.state)})

    async def retry(self, request: Request) -> Response:
        job_id = request.path_params["job_id"]
        state = await self._plane.retry(job_id)
        if state is None:
            raise _unknown()
        if state not in (FAILED, TIMED_OUT):
            raise Refused(
                self._behaviour.wrong_state_status, f"only a job that FAILED or TIMED_OUT can be retried, not {state}"
            )
        return answer({"id": job_id, "status": IN_QUEUE})

    async def purge(self, request: Request) -> Response:
        with self._admitted(request, "purge-queue"):
            return answer({"removed": await self._plane.purge(), "status": "completed"})

    async def health(self, request: Request) -> Response:
        return answer(self._plane.health())

    async def _submit(self, request: Request, *, sync: bool, max_bytes: int) -> str:
        if self._behaviour.run_refused_status is not None:
            raise Refused(self._behaviour.run_refused_status, "the endpoint takes no jobs")
        body = await read_body(request, max_bytes)
        if body is None:
            raise Refused(
                self._behaviour.oversize_request_status, f"the request body is longer than {max_bytes} bytes"
            )
        key = request.headers.get("idempotency-key", "")
        return await self._plane.submit(
            read_submission(
                body,
                self._behaviour,
                sync=sync,
                idempotency_key=f"{caller_of(request).key_id}\n{key}" if key else "",
            )
        )

    async def _finished(self, request: Request, job_id: str, timeout_s: float) -> Response:
        async with hanging_up(request) as gone:
            job = self._known(await self._plane.finished(job_id, timeout_s, gone))
        return answer(self._document(job))

    def _admitted(self, request: Request, kind: str) -> AbstractContextManager[None]:
        caller = caller_of(request)
        return nullcontext() if caller == INTERNAL else self._limits.admitted(kind, caller.key_id)

    def _wait_s(self, request: Request) -> float:
        least_ms, most_ms = self._behaviour.min_wait_ms, self._behaviour.max_wait_ms
        try:
            wait_ms = float(request.query_params.get("wait", self._behaviour.default_wait_ms))
        except ValueError:
            wait_ms = -1.0
        if not least_ms <= wait_ms <= most_ms:
            raise Refused(
                self._behaviour.bad_request_status, f'"wait" must be from {least_ms} to {most_ms} milliseconds'
            )
        return wait_ms / 1000

    def _known(self, job: StoredJob | None) -> StoredJob:
        if job is None:
            raise _unknown()
        return job

    def _word(self, state: str) -> str:
        return self._behaviour.running_word if state == IN_PROGRESS else state

    def _document(self, job: StoredJob) -> dict[str, Any]:
        """The answer of `/status`: only what is known stands in it."""
        told: dict[str, Any] = {
            "delayTime": job.delay_ms,
            "executionTime": job.execution_ms,
            "id": job.id,
            "output": None if job.output is None else from_json(job.output),
            "error": None if job.error is None else from_json(job.error),
            "retries": job.retries or None,
            "status": self._word(job.state),
            "workerId": job.worker_id or None,
        }
        return {name: value for name, value in told.items() if value is not None}


def _unknown() -> Refused:
    return Refused(404, "no job of this id is known: it never was, or it has been forgotten")
