"""The plane's memory: every change of a job is one transaction in the store, and when it is on the disk, all who wait
for it are told.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from apigpu_runtime.database import Database
from apigpu_runtime.plane.behaviour import Behaviour
from apigpu_runtime.plane.presence import Presence
from apigpu_runtime.plane.schema import MIGRATIONS
from apigpu_runtime.plane.store import clients, expiry
from apigpu_runtime.plane.store.change import Change
from apigpu_runtime.plane.store.clients import StoredJob
from apigpu_runtime.plane.waiting import Line, Watchers

Value = TypeVar("Value")

_LONGEST_SLEEP_S = 3600.0


class Ledger:
    def __init__(
        self,
        path: Path,
        behaviour: Behaviour,
        *,
        on_change: Callable[[str], None] | None,
        clock: Callable[[], float],
    ) -> None:
        self.behaviour = behaviour
        self.presence = Presence(behaviour.lease_s)
        self.line = Line()
        """Workers that wait for a job."""
        self.jobs = Watchers()
        """Told a job's id when its status is another."""
        self.stops = Watchers()
        """Told a worker's id when it shall let go of a job."""
        self.demand = Watchers()
        """Told, under the empty name, whenever more or fewer workers may be needed."""
        self.webhooks = asyncio.Event()
        """Set when a webhook is to be told."""
        self._database = Database(path, MIGRATIONS)
        self._on_change = on_change
        self._clock = clock
        self._due_ms: int | None = None
        self._due_sooner = asyncio.Event()

    def now_ms(self) -> int:
        return int(self._clock() * 1000)

    def read(self, work: Callable[[sqlite3.Connection], Value]) -> Value:
        """A look into the store; here it takes microseconds, so that nobody waits for a thread."""
        return self._database.read_now(work)

    def find(self, job_id: str) -> StoredJob | None:
        return self.read(lambda connection: clients.find(connection, self.now_ms(), job_id))

    async def change(self, work: Callable[[Change], Value]) -> Value:
        """`work` done and on the disk."""
        # Shielded: what is written must be told, also when whoever asked for it has been cancelled meanwhile.
        return await asyncio.shield(asyncio.ensure_future(self._changed(work)))

    async def sweep(self) -> bool:
        """Do what is due; whether more is left."""
        self.presence.prune()
        return await self.change(expiry.expire)

    async def sweep_for_ever(self) -> None:
        """Do what is due, whenever something is."""
        while True:
            self._due_sooner.clear()
            more = await self.sweep()
            self._due_ms = self.read(expiry.next_due_ms)
            if more or self._due_sooner.is_set():
                continue
            left_s = _LONGEST_SLEEP_S if self._due_ms is None else (self._due_ms - self.now_ms()) / 1000
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due_sooner.wait(), min(_LONGEST_SLEEP_S, max(0.001, left_s)))

    def close(self) -> None:
        self._database.close()

    async def _changed(self, work: Callable[[Change], Value]) -> Value:
        def transaction(connection: sqlite3.Connection) -> tuple[Value, Change]:
            change = Change(connection, self.now_ms(), self.behaviour)
            return work(change), change

        value, change = await self._database.write(transaction)
        self._tell(change)
        return value

    def _tell(self, change: Change) -> None:
        for worker_id, job_id in change.stops:
            self.presence.worker(worker_id).stops.add(job_id)
            self.stops.tell(worker_id)
        for job_id in change.changed:
            self.jobs.tell(job_id)
            if self._on_change is not None:
                self._on_change(job_id)
        if change.queued:
            self.line.call(change.queued)
            self.demand.tell("")
        if change.webhooks:
            self.webhooks.set()
        if change.due_ms is not None and (self._due_ms is None or change.due_ms < self._due_ms):
            self._due_sooner.set()
