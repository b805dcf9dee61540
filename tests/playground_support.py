"""A small server that answers the REST API as the proxy does, with the playground in front of it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from apigpu.errors import InputError
from apigpu.plan import render_argv, render_dot, render_mermaid, render_text
from apigpu.plan.model import Plan, PlanEstimate, PlanLink, PlanNode, PlanOutput, PlanStep, PlanWarning
from apigpu.registry import Registry
from apigpu_runtime.envelope import Failure, OutputFile, ProgressReport, Ran, Result, Timings, WorkerFacts
from apigpu_runtime.job import job_request, split_options
from apigpu_runtime.playground.pages import playground_routes
from apigpu_runtime.proxy.documents import Execution, JobDocument, Links, Stats, Waiting
from apigpu_runtime.proxy.dry_runs.dry_run_documents import DryRun

BUILT_IN = [
    EntryPoint("addaudio", "apigpu_addaudio", "apigpu"),
    EntryPoint("caption", "apigpu_caption", "apigpu"),
    EntryPoint("img2vid", "apigpu_img2vid", "apigpu"),
]
HARD = EntryPoint("hard", "playground_hard", "apigpu")


def make_media(folder: Path) -> None:
    """A video of two seconds, a photo and a frame."""
    sources = {
        "result.mp4": "-f lavfi -i testsrc2=s=320x180:r=25:d=2 -c:v libx264 -pix_fmt yuv420p -movflags +faststart",
        "photo.jpg": "-f lavfi -i testsrc2=s=320x240:d=1 -frames:v 1",
        "frame.jpg": "-f lavfi -i testsrc2=s=640x360:d=1 -frames:v 1",
    }
    for name, words in sources.items():
        command = ["ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y", *words.split(), name]
        subprocess.run(command, cwd=folder, check=True, timeout=60)


@dataclass
class FakeApi:
    """What the proxy answers. Requests are checked as it checks them; nothing is rendered."""

    registry: Registry
    folder: Path
    jobs: dict[str, JobDocument] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    previews: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    """While it is set, jobs stay in the middle."""
    failure: Failure | None = None
    """What the next jobs end with."""
    logged_in: bool = True

    def routes(self) -> list[Any]:
        pages = playground_routes(
            self.registry, version="0.1.0", needs_login=lambda request: not self.logged_in, uses_keys=lambda: False
        )
        return [
            Route("/login", self.login, methods=["POST"]),
            *pages,
            Route("/uploads", self.upload, methods=["POST"]),
            Route("/files/{name}", self.file),
            Route("/operations/{operation}/n8n.json", self.n8n),
            Route("/video/{operation}", self.submit, methods=["POST"]),
            Route("/video/{operation}/preview", self.preview, methods=["POST"]),
            Route("/video/{operation}/dry-run", self.dry_run, methods=["POST"]),
            Route("/jobs", self.list_jobs),
            Route("/jobs/{id}", self.job),
            Route("/jobs/{id}", self.cancel, methods=["DELETE"]),
            Route("/jobs/{id}/events", self.events),
            Route("/jobs/{id}/result", self.result),
        ]

    async def login(self, request: Request) -> Response:
        self.logged_in = b"right" in await request.body()
        return Response(status_code=204 if self.logged_in else 401)

    async def upload(self, request: Request) -> Response:
        async with request.form() as form:
            name = f"{uuid4().hex}-{Path(form['file'].filename).name}"  # type: ignore[union-attr,arg-type]
            (self.folder / name).write_bytes(await form["file"].read())  # type: ignore[union-attr]
        return JSONResponse({"url": f"{request.base_url}files/{name}"}, 201)

    async def file(self, request: Request) -> Response:
        return FileResponse(self.folder / request.path_params["name"])

    async def n8n(self, request: Request) -> Response:
        return JSONResponse({"nodes": [{"name": request.path_params["operation"]}], "connections": {}})

    async def checked(self, request: Request) -> dict[str, Any] | Response:
        body = await request.json()
        try:
            fields, _ = split_options(body)
            job_request(self.registry, request.path_params["operation"], fields)
        except InputError as error:
            return problem(error)
        self.bodies.append(body)
        return dict(body)

    async def preview(self, request: Request) -> Response:
        body = await self.checked(request)
        if isinstance(body, Response):
            return body
        at = request.query_params.get("at", "middle")
        self.previews.append(at)
        headers = {"X-Preview-At": "2.500" if at == "middle" else at}
        return FileResponse(self.folder / "frame.jpg", headers=headers)

    async def dry_run(self, request: Request) -> Response:
        body = await self.checked(request)
        if isinstance(body, Response):
            return body
        target = request.query_params.get("target", "l4")
        plan = sample_plan().model_copy(update={"target": target})
        answer = DryRun(
            operation=request.path_params["operation"],
            target=target,
            facts_from={"url_video": "fetched"},
            facts={},
            plan=plan,
            text=render_text(plan),
            command=render_argv(plan).rstrip("\n"),
            argv=plan.argv(),
            mermaid=render_mermaid(plan),
            dot=render_dot(plan),
        )
        return Response(answer.model_dump_json(), media_type="application/json")

    async def submit(self, request: Request) -> Response:
        body = await self.checked(request)
        if isinstance(body, Response):
            return body
        assert request.headers["prefer"] == "respond-async"
        job_id = uuid4().hex
        self.jobs[job_id] = document(job_id, request.path_params["operation"])
        return JSONResponse(self.jobs[job_id].model_dump(mode="json"), 202)

    async def list_jobs(self, request: Request) -> Response:
        status, operation = request.query_params.get("status"), request.query_params.get("operation")
        found = [
            job
            for job in reversed(self.jobs.values())
            if status in (None, job.status) and operation in (None, job.operation)
        ]
        start = int(request.query_params.get("cursor", 0))
        end = start + int(request.query_params["limit"])
        rest = request.url.include_query_params(cursor=end)
        items = [job.model_dump(mode="json") for job in found[start:end]]
        return JSONResponse({"items": items, "next": str(rest) if len(found) > end else None})

    async def job(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            return problem(InputError("there is no such job.", code="job_unknown"), 404)
        return JSONResponse(job.model_dump(mode="json"))

    async def cancel(self, request: Request) -> Response:
        job_id = request.path_params["id"]
        self.jobs[job_id] = self.jobs[job_id].model_copy(update={"status": "CANCELLED", "message": "cancelled."})
        return JSONResponse(self.jobs[job_id].model_dump(mode="json"))

    async def result(self, request: Request) -> Response:
        return FileResponse(self.folder / "result.mp4", filename="result.mp4")

    async def events(self, request: Request) -> Response:
        return StreamingResponse(self._events(request.path_params["id"]), media_type="text/event-stream")

    async def _events(self, job_id: str) -> AsyncIterator[str]:
        for step in running():
            if self.jobs[job_id].status == "CANCELLED":
                break
            self.jobs[job_id] = self.jobs[job_id].model_copy(update=step)
            yield event(self.jobs[job_id])
            await asyncio.sleep(0.02)
        while self.held.is_set() and self.jobs[job_id].status != "CANCELLED":
            await asyncio.sleep(0.02)
        if self.jobs[job_id].status != "CANCELLED":
            self.jobs[job_id] = self.jobs[job_id].model_copy(update=self._end())
        yield event(self.jobs[job_id])

    def _end(self) -> dict[str, Any]:
        if self.failure:
            return {"status": "FAILED", "code": 422, "message": self.failure.message, "error": self.failure}
        return {
            "status": "COMPLETED",
            "code": 200,
            "message": "done.",
            "video_url": "http://127.0.0.1/files/result.mp4?signature=x",
            "result": sample_result(),
            "execution": Execution(durationMs=1234, durationSeconds=1.234),
        }


def event(job: JobDocument) -> str:
    return f"data: {json.dumps(job.model_dump(mode='json'))}\n\n"


def running() -> Iterator[dict[str, Any]]:
    yield {"waiting": Waiting(code="cold", message="A worker is starting.", remedy="This takes some seconds.")}
    yield {"status": "IN_PROGRESS", "waiting": None, "progress": ProgressReport(stage="fetch", fraction=0.1)}
    yield {"progress": ProgressReport(stage="render", fraction=0.5, frame=25, fps=240, speed=9.6, eta_s=1.5)}


def document(job_id: str, operation: str, **more: Any) -> JobDocument:
    """A job that has just been taken."""
    facts: dict[str, Any] = {
        "code": 202,
        "message": "waiting for a worker.",
        "execution": Execution(),
        "stats": Stats(jobId=job_id),
        "id": job_id,
        "operation": operation,
        "status": "IN_QUEUE",
        "created_at": "2026-11-24T10:00:00Z",
        "links": Links(self=f"/jobs/{job_id}", events=f"/jobs/{job_id}/events", result=f"/jobs/{job_id}/result"),
    }
    return JobDocument(**(facts | more))


def problem(error: InputError, status: int = 422) -> Response:
    errors = [{"path": fault.where, "message": fault.message, "remedy": fault.remedy} for fault in error.faults]
    body = {"title": "Bad", "status": status, "message": str(error), "code": error.code, "errors": errors}
    return JSONResponse(body, status)


def sample_result() -> Result:
    file = OutputFile(
        key="jobs/1/img2vid.mp4",
        content_type="video/mp4",
        size_bytes=1_234_567,
        sha256="9f" * 32,
        duration_s=2,
        width=320,
        height=180,
        frame_rate="25/1",
        frames=50,
    )
    ran = Ran(
        rung="cpu",
        reasons=["No NVIDIA driver was found."],
        target="cpu",
        ffmpeg="7.1",
        decoders=["h264"],
        filters={"system": ["scale", "overlay"]},
        encoder="libx264",
        audio_encoder="aac",
    )
    return Result(
        operation="img2vid",
        outputs=[file],
        ran=ran,
        timings=Timings(queue_s=0.2, fetch_s=0.1, render_s=1.1, upload_s=0.05, total_s=1.4),
        realtime_factor=1.8,
        worker=WorkerFacts(id="w1", version="0.1.0"),
    )


def sample_plan() -> Plan:
    """A plan with frames in both memories."""
    picture = {"kind": "video", "width": 1920, "height": 1080, "rate": 25, "bytes_per_s": 77_760_000}
    return Plan(
        target="l4",
        device="NVIDIA L4",
        ffmpeg="7.1",
        decoders=("h264 (NVDEC)",),
        steps=(PlanStep(id="render", arguments=("-i", "in.mp4", "-vf", "it's a [filter]", "OUTPUT")),),
        nodes=(
            PlanNode(id="n0", kind="input", label='talk "one".mp4', domain="cuda"),
            PlanNode(id="n1", kind="download", label="hwdownload", domain="system"),
            PlanNode(id="n2", kind="filter", label="subtitles", owner="caption", filters=("subtitles",)),
            PlanNode(id="n3", kind="upload", label="hwupload", domain="cuda"),
            PlanNode(id="n4", kind="encode", label="h264_nvenc", domain="cuda"),
            PlanNode(id="n5", kind="output", label="result.mp4"),
        ),
        links=(
            PlanLink(source="n0", target="n1", domain="cuda", pix_fmt="nv12", **picture),
            PlanLink(source="n1", target="n2", pix_fmt="nv12", transfer="download", **picture),
            PlanLink(source="n2", target="n3", pix_fmt="nv12", **picture),
            PlanLink(source="n3", target="n4", domain="cuda", pix_fmt="nv12", transfer="upload", **picture),
            PlanLink(source="n4", target="n5", kind="video"),
        ),
        output=PlanOutput(
            container="mp4", video="h264_nvenc", width=1920, height=1080, frame_rate="25/1", frames=250, duration_s=10
        ),
        estimate=PlanEstimate(machine_s=2.5, usd=0.00042),
        warnings=(PlanWarning(code="font_missing", message="Comic Sans is not there; Noto Sans is used."),),
    )


def until(page: Any, condition: str, *, timeout_s: float = 10) -> None:
    """Wait for a condition in the page. Playwright's own way evaluates text there, which the pages forbid."""
    deadline = time.monotonic() + timeout_s
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An ASGI app on a free port of this machine; its address."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()


def fake_app(api: FakeApi) -> Starlette:
    return Starlette(routes=api.routes())
