"""The one door to RunPod's SDK, and what it takes to live with it (1.12).

Its import sleeps a second to learn the processor's name, loads an SSH client, reads the user's command line
credentials and makes the root logger print every address that an HTTP client calls. Results are given up on the first
dropped connection. Its heartbeat outlives a killed worker and keeps the dead job's lease alive. All of that is
replaced here, by name; `tests/worker/test_sdk.py` says when a new SDK has moved.

Nothing of apigpu but the loop is imported, so that a worker's start costs what the SDK costs and no more.
"""

from __future__ import annotations

import importlib
import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import wait
from types import ModuleType
from typing import Any

from apigpu_runtime.worker.loop import Job, JobLoop, Room, Stopping
from apigpu_runtime.worker.polling import Busy

Handler = Callable[[Job], Awaitable[dict[str, Any]]]
Check = Callable[[], None]

_DEFAULTS = {
    # Its own checks end a good worker that reaches no 8.8.8.8, has 3.9 GB free, or a disk that is 91 % full, and load
    # CUDA a second time. `Check`s of ours ask for what a render needs instead.
    "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
    "RUNPOD_SKIP_GPU_CHECK": "true",
}
_QUIET_LEVELS = {"INFO", "WARN", "ERROR", "NOTSET"}
_TALKATIVE = {
    "aiohttp": logging.WARNING,
    "httpcore2": logging.WARNING,
    "httpx2": logging.WARNING,
    "urllib3.connectionpool": logging.ERROR,  # every try of a heartbeat; the SDK tells of the last
}
_RESULT_TRIES = 15


class Sdk:
    """The SDK, imported and mended. `environ` is put into the environment first, since the SDK reads it on import."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        os.environ.update(_environment(environ))
        _quiet_logging()
        self.runpod = _imported()
        http = self._module("rp_http")
        http.FibonacciRetry = _persistent(http.FibonacciRetry, self._module("rp_job").aiohttp)
        self._module("rp_ping").Heartbeat.process_loop = staticmethod(_beat)
        self._progress_session: Any = None
        self.has_stop_channel = self._module("rp_job")._job_stop_url() is not None

    def serve(
        self,
        handler: Handler,
        *,
        checks: Sequence[Check] = (),
        concurrency: int = 2,
        stopping: Stopping | None = None,
        room: Room | None = None,
    ) -> None:
        """Take jobs until SIGTERM. A check that raises ends the process with status 1 before any job."""
        for check in checks:
            self.runpod.serverless.register_fitness_check(check)
        self._loop = loop = JobLoop(self, concurrency=concurrency, stopping=stopping or Stopping(), room=room)
        self._config = {"handler": handler, "rp_args": {}}
        self._module("rp_scale").JobScaler = lambda _: loop
        sys.argv = sys.argv[:1]  # the SDK parses what is left there
        try:
            self.runpod.serverless.start(self._config)
        finally:
            for heartbeat in multiprocessing.active_children():
                heartbeat.kill()

    def leave(self, reason: str) -> None:
        """Finish the jobs that run, take no more, and let `serve` return."""
        self._loop.leave(reason)

    def log(self, level: str, message: str, job_id: str | None = None) -> None:
        """One line, in RunPod's form. `level`: INFO, WARN or ERROR."""
        self._module("rp_logger").RunPodLogger().log(message, level, job_id)

    @property
    def worker_id(self) -> str:
        return str(self._module("worker_state").WORKER_ID)

    async def post_progress(self, job_id: str, output: Mapping[str, Any]) -> None:
        """Show `output` as that of the running job. Raises whatever HTTP raises."""
        if self._progress_session is None:
            self._progress_session = self._new_session()
        url = self._module("rp_http").JOB_DONE_URL.replace("$ID", job_id) + "&isStream=false"
        report = json.dumps({"status": "IN_PROGRESS", "output": output})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "charset": "utf-8", "X-Request-ID": job_id}
        async with self._progress_session.post(url, data=report, headers=headers, raise_for_status=True):
            pass

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Any]:
        async with self._new_session() as session:
            try:
                yield session
            finally:
                if self._progress_session is not None:
                    await self._progress_session.close()
                    self._progress_session = None

    async def take(self, session: Any) -> list[Job]:
        # One at a time: a batch would take jobs that another worker is free for.
        return list(await self._asked(self._module("rp_job").get_job(session, 1)) or [])

    async def stops(self, session: Any) -> list[str]:
        return list(await self._asked(self._module("rp_job").get_stop_signals(session)))

    async def run(self, session: Any, job: Job) -> None:
        await self._module("rp_job").handle_job(session, self._config, job)

    def track(self, job: Job) -> None:
        self._module("worker_state").JobsProgress().add(job["id"])

    def untrack(self, job: Job) -> None:
        self._module("worker_state").JobsProgress().remove(job["id"])

    async def _asked(self, poll: Awaitable[Any]) -> Any:
        try:
            return await poll
        except importlib.import_module("runpod.http_client").TooManyRequests:
            raise Busy from None

    def _new_session(self) -> Any:
        session = importlib.import_module("runpod.http_client").AsyncClientSession()
        session.headers["Authorization"] = os.environ.get("RUNPOD_AI_API_KEY", "")
        return session

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"runpod.serverless.modules.{name}")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """With a log level at which the SDK prints neither inputs nor outputs: both may hold signed addresses."""
    level = environ.get("RUNPOD_LOG_LEVEL", environ.get("RUNPOD_DEBUG_LEVEL", "INFO")).upper()
    return {**_DEFAULTS, **environ, "RUNPOD_LOG_LEVEL": level if level in _QUIET_LEVELS else "INFO"}


def _quiet_logging() -> None:
    """Before the SDK's import sets the root logger to INFO, at which HTTP clients print whole addresses."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)-7s| %(name)s: %(message)s")
    for name, level in _TALKATIVE.items():
        logging.getLogger(name).setLevel(level)


def _imported() -> Any:
    for name, module in _stand_ins().items():
        sys.modules.setdefault(name, module)
    import runpod  # type: ignore[import-untyped]

    return runpod


def _stand_ins() -> dict[str, ModuleType]:
    """Modules that the SDK loads for nothing that a worker does."""
    cpuinfo = ModuleType("cpuinfo")
    cpuinfo.get_cpu_info = lambda: {"brand_raw": "not asked"}  # type: ignore[attr-defined]
    # It also would send the key of the user's RunPod account, from ~/.runpod, to whatever plane this worker joined.
    credentials = ModuleType("runpod.cli.groups.config.functions")
    for name in ("check_credentials", "get_credentials", "set_credentials"):
        setattr(credentials, name, lambda *_: None)
    return {"cpuinfo": cpuinfo, "paramiko": ModuleType("paramiko"), credentials.__name__: credentials}


def _persistent(retry: Any, aiohttp: Any) -> Callable[..., Any]:
    """How often a result is posted: for about a minute, whatever goes wrong on the way.

    The SDK tries three times, and only after an answer of 500 or more: one dropped connection loses the result.
    """

    def options(attempts: int = 0) -> Any:
        return retry(
            attempts=max(attempts, _RESULT_TRIES),
            multiplier=0.05,
            max_timeout=10.0,
            statuses={408, 425, 429},
            exceptions={aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError},
        )

    return options


def _beat(mirror: Any = None, test: bool = False) -> None:
    """The heartbeat's process: it ends with the worker, however that ends, and not before."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group while the worker finishes its job
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _imported()  # anew, where processes are not forked
    heartbeat = importlib.import_module("runpod.serverless.modules.rp_ping").Heartbeat()
    heartbeat._mirror = mirror
    heartbeat.ping_loop(test)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
