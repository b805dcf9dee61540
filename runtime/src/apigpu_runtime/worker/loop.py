"""Taking jobs and running them, in place of the SDK's loop: no waiting for a tick, and what was taken is not dropped.

The SDK (1.12) looks ten times a second whether a job has come, sleeps a whole second while it is full, asks again
without a pause after a refused connection, cannot stop a job in the moment before it starts, and stays until its open
polls are answered, which can be 90 seconds after SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from apigpu_runtime.worker.polling import Poll

Job = dict[str, Any]

_SAME_SIGNAL_S = 1.0
"""Ctrl-C reaches the whole group, and whoever started the worker may then pass it on: that is one wish, not two."""
_OUTRUN_S = 5.0
"""How long a stop is remembered whose job has not arrived yet: each comes by a poll of its own."""


class Wire(Protocol):
    """The worker's side of RunPod's protocol; `session` is one of HTTP, for all calls."""

    has_stop_channel: bool

    def session(self) -> AbstractAsyncContextManager[Any]: ...

    async def take(self, session: Any) -> list[Job]:
        """The next job, after a long poll; nothing after a fruitless one. Raises Busy, or whatever HTTP raises."""
        ...

    async def stops(self, session: Any) -> list[str]:
        """Ids of jobs that shall not go on."""
        ...

    async def run(self, session: Any, job: Job) -> None:
        """Call the handler and post what it returns."""
        ...

    def track(self, job: Job) -> None:
        """From now on heartbeats name the job."""
        ...

    def untrack(self, job: Job) -> None: ...

    def log(self, level: str, message: str, job_id: str | None = None) -> None: ...


@dataclass
class Stopping:
    """How far the end of this worker is: no new jobs any more, and then not even those that run."""

    leaving: bool = False
    handing_back: bool = False


Room = Callable[[], Awaitable[object]]
"""Returns when a worker that has a job may ask for another, which somebody idle could have taken."""


class JobLoop:
    """Runs up to `concurrency` jobs until SIGTERM or SIGINT, then those that it has; a second signal ends them."""

    def __init__(self, wire: Wire, *, concurrency: int, stopping: Stopping, room: Room | None = None) -> None:
        self._wire = wire
        self._room = room
        self._stopping = stopping
        self._concurrency = concurrency
        self._leave = asyncio.Event()
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._stopped: dict[str, float] = {}
        self._signalled_s = -_SAME_SIGNAL_S

    def start(self) -> None:
        """Return when the last job has ended."""
        asyncio.run(self._run())

    def leave(self, reason: str) -> None:
        """Take no more jobs, and end with those that run."""
        self._wire.log("INFO", f"{reason}: finishing {len(self._jobs)} job(s), taking no more.")
        self._stopping.leaving = True
        self._leave.set()

    async def _run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled, number)
        async with self._wire.session() as session:
            taking = asyncio.create_task(self._take_jobs(session))
            stopping = asyncio.create_task(self._heed_stops(session))
            try:
                await taking
                while self._jobs:
                    await asyncio.wait(list(self._jobs.values()))
            finally:
                stopping.cancel()
                await asyncio.wait({stopping})

    def _signalled(self, number: int) -> None:
        name, before_s, self._signalled_s = signal.Signals(number).name, self._signalled_s, time.monotonic()
        if self._signalled_s - before_s < _SAME_SIGNAL_S:
            return
        if self._stopping.leaving:
            self._wire.log("WARN", f"{name} again: handing back {len(self._jobs)} job(s).")
            self._stopping.handing_back = True
            for task in self._jobs.values():
                task.cancel()
            return
        self.leave(name)

    async def _take_jobs(self, session: Any) -> None:
        leave = asyncio.create_task(self._leave.wait())
        poll: Poll[Job] = Poll(self._wire.log, "No jobs can be had")
        while not leave.done():
            if self._jobs and not await self._has_room(leave):
                continue
            for job in await self._next_jobs(session, leave, poll):
                self._begin(session, job)

    async def _has_room(self, leave: asyncio.Task[Any]) -> bool:
        """Whether to ask for a job beside those that run; False as soon as one of them ends, or the worker leaves."""
        is_full = len(self._jobs) >= self._concurrency
        room = asyncio.create_task(_never() if is_full else _when(self._room))
        await asyncio.wait({leave, room, *self._jobs.values()}, return_when=asyncio.FIRST_COMPLETED)
        has_room = room.done()
        room.cancel()
        return has_room and not leave.done()

    async def _next_jobs(self, session: Any, leave: asyncio.Task[Any], poll: Poll[Job]) -> list[Job]:
        """What one poll brings. A poll that is still open when the worker leaves is given up."""
        polling = asyncio.create_task(poll.answer(lambda: self._wire.take(session)))
        await asyncio.wait({polling, leave}, return_when=asyncio.FIRST_COMPLETED)
        polling.cancel()
        await asyncio.wait({polling})
        return [] if polling.cancelled() else polling.result()

    def _begin(self, session: Any, job: Job) -> None:
        if job["id"] in self._jobs:
            self._wire.log("WARN", "The job was given out a second time while it runs here.", job["id"])
            return
        if time.monotonic() - self._stopped.pop(job["id"], -_OUTRUN_S) < _OUTRUN_S:
            self._wire.log("INFO", "Job stopped before it began.", job["id"])
            return
        self._wire.track(job)
        self._jobs[job["id"]] = task = asyncio.create_task(self._work(session, job))
        # Not by a `finally` in the task: one that is stopped before its first step never comes to it.
        task.add_done_callback(lambda _: self._ended(job))

    async def _work(self, session: Any, job: Job) -> None:
        try:
            await self._wire.run(session, job)
        except asyncio.CancelledError:
            self._wire.log("INFO", "Job stopped.", job["id"])
        except Exception as error:
            self._wire.log("ERROR", f"The result was not delivered ({type(error).__name__}).", job["id"])

    def _ended(self, job: Job) -> None:
        del self._jobs[job["id"]]
        self._wire.untrack(job)

    async def _heed_stops(self, session: Any) -> None:
        poll: Poll[str] = Poll(self._wire.log, "Cancellations cannot be heard")
        while self._wire.has_stop_channel:
            for job_id in await poll.answer(lambda: self._wire.stops(session)):
                self._stop(job_id)

    def _stop(self, job_id: str) -> None:
        if task := self._jobs.get(job_id):
            self._wire.log("INFO", "Stopping job.", job_id)
            task.cancel()
            return
        now = time.monotonic()
        self._stopped = {other: at for other, at in self._stopped.items() if now - at < _OUTRUN_S} | {job_id: now}


async def _never() -> None:
    await asyncio.Event().wait()


async def _when(room: Room | None) -> None:
    if room is not None:
        await room()
