"""Workers of this machine: started when jobs wait, ended when they idle, replaced when they die.

A worker that does not stay up is started again after a pause that doubles; `/health` then counts it as unhealthy
and tells its last lines.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from apigpu.errors import SetupError
from apigpu_runtime.plane.plane import Plane, Staff
from apigpu_runtime.plane.processes import WorkerProcess, end_worker, read_lines
from apigpu_runtime.plane.waiting import kept_up

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_STEADY_S = 10.0
"""A worker that lived so long is no part of a crash loop."""
_SETTLE_S = 0.05
"""Workers that wait for a job get so long to take it before another is started."""
_SOON_S = 3.0
_LOOK_AGAIN_S = 1.0
_LINES_KEPT = 30
_LINES_TOLD = 3
_PIPE_GRACE_S = 1.0
_LONGEST_SLEEP_S = 60.0


@dataclass(eq=False)
class _Child:
    worker_id: str
    started_s: float = field(default_factory=time.monotonic)
    process: WorkerProcess | None = None
    ended: bool = False
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES_KEPT))
    stopping: bool = False
    ready: bool = False
    """It has asked for a job at least once."""


class Supervisor:
    """Starts `command` with `environ`, which must lead it to the plane (`worker_environment`), for each worker.

    `log` gets every line that a worker says, with the worker's id before it.
    """

    def __init__(
        self,
        plane: Plane,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        max_workers: int = 1,
        idle_timeout_s: float = 300.0,
        start_timeout_s: float = 420.0,
        stop_grace_s: float = 10.0,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._plane = plane
        self._command = command
        self._environ = environ
        self._max_workers = max_workers
        self._idle_timeout_s = idle_timeout_s
        self._start_timeout_s = start_timeout_s
        self._stop_grace_s = stop_grace_s
        self._log = log or _to_stderr
        self._children: dict[_Child, asyncio.Task[None]] = {}
        self._failures = 0
        self._trouble = ""
        self._not_before_s = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Supervisor]:
        """Workers come and go as long as the block lasts; afterwards none is left, and their jobs wait again."""
        await self._end_orphans()
        self._plane.staff = self._staff
        watching = asyncio.create_task(kept_up(self._watch, "the starting of workers"))
        try:
            yield self
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            for child in self._children:
                self._stop(child)
            await asyncio.gather(*self._children.values(), return_exceptions=True)
            self._plane.staff = Staff

    def worker_pids(self) -> dict[str, int]:
        """The workers that run, by id."""
        return {child.worker_id: child.process.pid for child in self._children if child.process is not None}

    # When to start and to stop

    async def _watch(self) -> None:
        while True:
            with self._plane.demand.watch("") as wanted:
                if self._plane.workers.waiting():
                    await asyncio.sleep(_SETTLE_S)
                self._start_missing()
                self._stop_idle()
                await asyncio.wait({wanted}, timeout=self._sleep_s())

    def _start_missing(self) -> None:
        if time.monotonic() < self._not_before_s:
            return
        coming = sum(not self._is_ready(child) for child in self._children if not child.stopping)
        free = max(self._plane.workers.waiting(), sum(self._is_free(child) for child in self._children))
        missing = self._plane.queue_length() - free - coming
        for _ in range(min(missing, self._max_workers - len(self._children))):
            child = _Child(f"local-{secrets.token_hex(4)}")
            self._children[child] = asyncio.create_task(self._live(child))

    def _stop_idle(self) -> None:
        waiting = self._plane.queue_length()
        for child in self._children:
            if child.stopping or self._plane.workers.holds_jobs(child.worker_id):
                continue
            if not self._is_ready(child):
                self._give_up_start(child)
            elif self._plane.workers.presence.worker(child.worker_id).refresh or (
                self._idle_s(child) >= self._idle_timeout_s and not (waiting and self._is_free(child))
            ):
                self._stop(child)

    def _give_up_start(self, child: _Child) -> None:
        if time.monotonic() - child.started_s >= self._start_timeout_s:
            self._tell(child, f"did not ask for a job within {self._start_timeout_s:g} s, and is ended.")
            self._stop(child)

    def _sleep_s(self) -> float:
        """Until something may be due without anybody telling."""
        pauses = [_LONGEST_SLEEP_S]
        for child in self._children:
            limit_s = self._idle_timeout_s if child.ready else self._start_timeout_s
            left_s = limit_s - self._idle_s(child)
            pauses.append(limit_s if left_s <= 0 else left_s)
        if self._not_before_s > time.monotonic():
            pauses.append(self._not_before_s - time.monotonic())
        elif self._plane.queue_length() and len(self._children) < self._max_workers:
            pauses.append(_LOOK_AGAIN_S)
        return max(0.01, min(pauses))

    def _is_free(self, child: _Child) -> bool:
        """It will ask for a job soon, if it does not already: the stock SDK may wait a second between two."""
        if child.stopping or not self._is_ready(child) or self._plane.workers.holds_jobs(child.worker_id):
            return False
        worker = self._plane.workers.presence.worker(child.worker_id)
        return worker.polls > 0 or time.monotonic() - worker.worked_s < _SOON_S

    def _idle_s(self, child: _Child) -> float:
        return time.monotonic() - max(child.started_s, self._plane.workers.presence.worker(child.worker_id).job_s)

    def _is_ready(self, child: _Child) -> bool:
        if not child.ready and self._plane.workers.presence.worker(child.worker_id).worked_s > 0:
            child.ready = True
            self._trouble = ""
        return child.ready

    def _staff(self) -> Staff:
        starting = sum(not self._is_ready(child) for child in self._children if not child.stopping)
        return Staff(starting, 1 if self._trouble else 0, self._trouble)

    # A worker's life

    async def _live(self, child: _Child) -> None:
        await self._plane.remember_worker(child.worker_id)
        try:
            child.process = await WorkerProcess.start(self._command, self._environ, child.worker_id)
        except SetupError as error:
            await self._ended(child, f"did not start: {error}", clean=False)
            return
        if child.stopping:
            self._terminate(child.process, child)
        reading = asyncio.create_task(read_lines(child.process.output, lambda line: self._tell(child, line)))
        status = await child.process.wait()
        await asyncio.to_thread(end_worker, child.worker_id, child.process.pid)
        await asyncio.wait({reading}, timeout=_PIPE_GRACE_S)
        child.process.close()
        await self._ended(child, _how_it_ended(status), clean=status == 0)

    async def _ended(self, child: _Child, how: str, *, clean: bool) -> None:
        child.ended = True
        lived_s = time.monotonic() - child.started_s
        self._judge(child, how, lived_s, clean=clean)
        try:
            reason = f"worker {child.worker_id} {how}.{_last_lines(child)}"
            lost = await self._plane.workers.lose(child.worker_id, reason, blameless=child.stopping)
            await self._plane.forget_worker(child.worker_id)
        finally:
            del self._children[child]
        if not child.stopping or lost:
            again = f"; {lost} of its jobs wait again" if lost else ""
            pause_s = self._not_before_s - time.monotonic()
            pause = f"; the next start is in {pause_s:.0f} s at the earliest" if pause_s > 0.5 else ""
            self._log(f"[{child.worker_id}] {how} after {lived_s:.1f} s{again}{pause}.")
        self._plane.demand.tell("")

    def _judge(self, child: _Child, how: str, lived_s: float, *, clean: bool) -> None:
        """Whether the next one is started at once, or after a pause."""
        ready = self._is_ready(child)
        if child.stopping or (ready and (clean or lived_s >= _STEADY_S)):
            self._failures = 0
            return
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._failures)
        self._failures += 1
        self._not_before_s = time.monotonic() + pause_s
        if not ready or self._failures > 1:
            times = f", {self._failures} times in a row" if self._failures > 1 else ""
            self._trouble = f"workers do not stay up: the last one {how} after {lived_s:.1f} s{times}."
            self._trouble += _last_lines(child)

    def _stop(self, child: _Child) -> None:
        if child.stopping:
            return
        child.stopping = True
        self._plane.workers.dismiss(child.worker_id)
        if child.process is not None:
            self._terminate(child.process, child)

    def _terminate(self, process: WorkerProcess, child: _Child) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        asyncio.get_running_loop().call_later(self._stop_grace_s, _kill, child)

    def _tell(self, child: _Child, line: str) -> None:
        child.lines.append(line)
        self._log(f"[{child.worker_id}] {line}")

    async def _end_orphans(self) -> None:
        """Workers of an earlier life that had no time to end them. Their jobs are not to blame."""
        for worker_id in self._plane.remembered_workers():
            await asyncio.to_thread(end_worker, worker_id, None)
            await self._plane.workers.lose(worker_id, "apigpu was ended with it.", blameless=True)
            await self._plane.forget_worker(worker_id)


def _kill(child: _Child) -> None:
    if child.process is not None and not child.ended:
        end_worker(child.worker_id, child.process.pid)


def _how_it_ended(status: int) -> str:
    if status < 0:
        known = -status in set(signal.Signals)
        return f"was ended by {signal.Signals(-status).name if known else f'signal {-status}'}"
    return f"ended with exit status {status}"


def _last_lines(child: _Child) -> str:
    # Of a traceback the last line says what happened; those that only point at a place in code say nothing.
    lines = [line for line in child.lines if line.strip(" ^~")][-_LINES_TOLD:]
    return f" Its last lines:\n{chr(10).join(lines)}" if lines else ""


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
