"""A strict double of RunPod's side of the worker's protocol, and worker processes to set against it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

KEY = "worker-key-5f2c9a"
DROP = "drop"
T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One request of a worker. `kind` is job-take, job-done, job-stop or ping."""

    at: float
    kind: str
    worker: str
    job_id: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class JobState:
    id: str
    input: object
    taken_at: float = 0.0
    progress: list[Any] = field(default_factory=list)
    progress_at: list[float] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    done_at: float = 0.0

    @property
    def output(self) -> Any:
        return self.results[0].get("output")

    @property
    def error(self) -> Any:
        """The failure's document, as apigpu sends it."""
        return json.loads(self.results[0]["error"])


class Queue:
    """A server at `url`. `faults[kind]` are used up one per call: DROP, an HTTP status, or seconds to wait first."""

    def __init__(self, *, hold_s: float = 20.0, keepalive_s: float = 75.0) -> None:
        self.hold_s = hold_s
        self.jobs: dict[str, JobState] = {}
        self.calls: list[Call] = []
        self.complaints: list[str] = []
        self.faults: dict[str, deque[str | int | float]] = defaultdict(deque)
        self.files: dict[str, bytes] = {}
        """What GET /files/NAME gives and PUT takes."""
        self._waiting: deque[str] = deque()
        self._to_stop: deque[str] = deque()
        self._keepalive_s = keepalive_s
        self._changed: asyncio.Event | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def environ(self, worker_id: str = "worker-1") -> dict[str, str]:
        """What RunPod sets in a worker's container."""
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{self.url}/job-take/$ID?gpu=local",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{self.url}/job-done/$RUNPOD_POD_ID/$ID?gpu=local",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{self.url}/job-stream/$RUNPOD_POD_ID/$ID?gpu=local",
            "RUNPOD_WEBHOOK_PING": f"{self.url}/ping/$RUNPOD_POD_ID?gpu=local",
            "RUNPOD_PING_INTERVAL": "1000",
            "RUNPOD_AI_API_KEY": KEY,
            "RUNPOD_POD_ID": worker_id,
        }

    def submit(self, document: object, job_id: str = "") -> JobState:
        job = JobState(job_id or f"{uuid.uuid4()}-e1", document)
        self.jobs[job.id] = job
        self._waiting.append(job.id)
        self._tell()
        return job

    def stop(self, job: JobState) -> None:
        self._to_stop.append(job.id)
        self._tell()

    def done(self, *jobs: JobState, within_s: float = 30.0) -> None:
        until(lambda: all(job.results for job in jobs), within_s, lambda: self._told(jobs))

    def of(self, kind: str) -> list[Call]:
        return [call for call in self.calls if call.kind == kind]

    def _told(self, jobs: Sequence[JobState]) -> str:
        waiting = [job.id for job in jobs if not job.results]
        return f"no result of {waiting}; calls: {[(call.kind, call.job_id) for call in self.calls[-12:]]}"

    def _tell(self) -> None:
        assert self._changed is not None
        self._loop.call_soon_threadsafe(self._changed.set)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._changed, self._ended = asyncio.Event(), asyncio.Event()
        app = web.Application(client_max_size=1 << 26)
        app.add_routes(
            [
                web.get("/job-take/{worker}", self._take),
                web.get("/job-take-batch/{worker}", self._take),
                web.get("/job-stop/{worker}", self._stop),
                web.get("/ping/{worker}", self._ping),
                web.post("/job-done/{worker}/{job}", self._done),
                web.get("/files/{name:.+}", self._file),
                web.put("/files/{name:.+}", self._put),
            ]
        )
        runner = web.AppRunner(
            app, keepalive_timeout=self._keepalive_s, shutdown_timeout=0.1, handler_cancellation=True, access_log=None
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._ended.wait()
        await runner.cleanup()

    async def _met(self, request: web.Request, body: Any = None) -> web.Response | None:
        """Note the call; what a planned fault answers."""
        kind = request.path.split("/")[1]
        info = request.match_info
        job_id = info.get("job", "")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append(Call(time.monotonic(), kind, info["worker"], job_id, dict(request.query), headers, body))
        if headers.get("authorization") != KEY:
            self.complaints.append(f"{kind}: authorization is {headers.get('authorization')!r}")
        fault = self.faults[kind].popleft() if self.faults[kind] else None
        if fault == DROP:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(fault, float):
            await asyncio.sleep(fault)
        return web.Response(status=fault) if isinstance(fault, int) else None

    async def _held(self, items: deque[str]) -> str | None:
        """The next of the items, once there is one; None after the hold."""
        assert self._changed is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(self.hold_s):
                while not items:
                    self._changed.clear()
                    await self._changed.wait()
                    self._changed.set() if items else None
        return items.popleft() if items else None

    async def _take(self, request: web.Request) -> web.Response:
        if answer := await self._met(request):
            return answer
        job_id = await self._held(self._waiting)
        if job_id is None:
            return web.Response(status=204)
        job = self.jobs[job_id]
        job.taken_at = time.monotonic()
        document = {"id": job.id, "input": job.input}
        return web.json_response([document] if "batch" in request.path else document)

    async def _stop(self, request: web.Request) -> web.Response:
        if answer := await self._met(request):
            return answer
        job_id = await self._held(self._to_stop)
        return web.Response(status=204) if job_id is None else web.json_response({"jobsToStop": [job_id]})

    async def _ping(self, request: web.Request) -> web.Response:
        return await self._met(request) or web.Response(text="ok")

    async def _done(self, request: web.Request) -> web.Response:
        text = await request.text()
        try:
            body = json.loads(text)
        except ValueError:
            self.complaints.append(f"job-done: no JSON: {text[:80]!r}")
            body = None
        if answer := await self._met(request, body):
            return answer
        self._note(request.match_info["job"], request, body)
        return web.Response(text="ok")

    async def _file(self, request: web.Request) -> web.Response:
        content = self.files.get(request.match_info["name"])
        return web.Response(status=404) if content is None else web.Response(body=content)

    async def _put(self, request: web.Request) -> web.Response:
        content = await request.read()
        self.files[request.match_info["name"]] = content
        return web.Response(headers={"ETag": f'"{hashlib.md5(content).hexdigest()}"'})

    def _note(self, job_id: str, request: web.Request, body: Any) -> None:
        job = self.jobs.get(job_id)
        if job is None or not isinstance(body, dict):
            self.complaints.append(f"job-done for {job_id!r}: {str(body)[:80]}")
            return
        if (
            request.headers.get("Content-Type") != "application/x-www-form-urlencoded"
            or "isStream" not in request.query
        ):
            self.complaints.append(f"job-done {job_id}: not in the SDK's form")
        if job.results:
            self.complaints.append(f"job-done {job_id}: {str(body)[:60]} after the end")
        if body.get("status") == "IN_PROGRESS":
            job.progress.append(body["output"])
            job.progress_at.append(time.monotonic())
            return
        job.results.append(body)
        job.done_at = time.monotonic()


def delivery(queue: Queue, job_id: str, container: str = "mp4", query: str = "") -> dict[str, Any]:
    """Requests that take the results of a job, as the proxy signs them."""

    def signed(method: str, name: str) -> dict[str, Any]:
        return {"method": method, "url": f"{queue.url}/files/jobs/{job_id}/{name}{query}", "headers": {}}

    return {
        "key": f"jobs/{job_id}/result.{container}",
        "put": signed("PUT", f"result.{container}"),
        "head": signed("HEAD", f"result.{container}"),
        "envelope_put": signed("PUT", "result.json"),
        "envelope_get": signed("GET", "result.json"),
    }


def until(condition: Callable[[], T], within_s: float = 20.0, told: Callable[[], str] = lambda: "") -> T:
    """The first truthy value of the condition. Fails after the time is over."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come about within {within_s:g} s. {told()}")
        time.sleep(0.01)
    return found


@dataclass
class Worker:
    """A worker's process, which leads a group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ended(self, within_s: float = 20.0) -> int:
        return self.process.wait(within_s)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def children(self) -> list[int]:
        """Ids of the processes that it has started and that live."""
        return children_of(self.process.pid)


@contextmanager
def working(
    argv: Sequence[str], folder: Path, environ: Mapping[str, str], *, unset: Sequence[str] = ()
) -> Iterator[Worker]:
    """A worker for as long as the block lasts; nothing of it is left afterwards."""
    log = folder / f"worker-{uuid.uuid4().hex[:8]}.log"
    env = {name: value for name, value in os.environ.items() if name not in unset and not name.startswith("RUNPOD_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv,
            env=env | environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
        )
    left: list[int] = []
    try:
        yield Worker(process, log)
    finally:
        left = descendants(process.pid)
        for pid in (process.pid, *left):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)


def apigpu_worker(*words: str) -> list[str]:
    return [str(Path(sys.executable).parent / "apigpu"), "worker", *words]


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def descendants(pid: int) -> list[int]:
    found = children_of(pid)
    return [*found, *(below for child in found for below in descendants(child))]


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def alive(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
