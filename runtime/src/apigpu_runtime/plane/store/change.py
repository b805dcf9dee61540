"""One change of the store: what happens to jobs at one moment, in one transaction, and what follows from it.

The functions here are the only ones that write a job's state; each is a step that the state machine allows:

    IN_QUEUE -> IN_PROGRESS -> COMPLETED | FAILED | TIMED_OUT | CANCELLED
    IN_QUEUE <- IN_PROGRESS     when the worker is lost
    IN_QUEUE -> CANCELLED, and FAILED | TIMED_OUT -> IN_QUEUE by a retry
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from pydantic_core import to_json

from apigpu_runtime.backend import COMPLETED, FAILED, FINAL, IN_QUEUE
from apigpu_runtime.plane.behaviour import Behaviour

_COUNTED = {COMPLETED: "completed", FAILED: "failed"}


@dataclass
class Change:
    """The transaction, and what the plane must tell when it is committed."""

    connection: sqlite3.Connection
    now_ms: int
    behaviour: Behaviour
    changed: list[str] = field(default_factory=list)
    """Ids of jobs whose status is another now."""
    stops: list[tuple[str, str]] = field(default_factory=list)
    """Workers and the jobs that they should stop."""
    queued: int = 0
    """How many jobs came into the queue."""
    webhooks: int = 0
    """How many webhooks are to be told."""
    due_ms: int | None = None
    """When time alone changes one of these jobs, at the earliest."""

    def due(self, at_ms: int) -> int:
        self.due_ms = at_ms if self.due_ms is None else min(self.due_ms, at_ms)
        return at_ms


def finish(
    change: Change, job: sqlite3.Row, state: str, *, output: str | None = None, error: str | None = None
) -> None:
    """Final. `output` and `error` are JSON."""
    forget_ms = change.now_ms + job["keep_ms"]
    if change.behaviour.ttl_deletes_finished:
        forget_ms = min(forget_ms, job["expires_ms"])
    change.connection.execute(
        "UPDATE jobs SET state = ?, output = ?, error = ?, finished_ms = ?, forget_ms = ?, due_ms = ?, "
        "lease_ms = NULL WHERE id = ?",
        (state, output, error, change.now_ms, forget_ms, change.due(forget_ms), job["id"]),
    )
    change.changed.append(job["id"])
    if state in _COUNTED:
        count(change, _COUNTED[state])
    if job["webhook"] and state in change.behaviour.webhook_states:
        change.connection.execute(
            "INSERT OR REPLACE INTO webhooks (job_id, tries, next_ms) VALUES (?, 0, ?)", (job["id"], change.now_ms)
        )
        change.webhooks += 1


def stop(change: Change, job: sqlite3.Row) -> None:
    """Tell its worker to let go of it."""
    if job["state"] not in FINAL and job["state"] != IN_QUEUE:
        change.stops.append((job["worker_id"], job["id"]))


def lose(change: Change, job: sqlite3.Row, reason: str, *, blameless: bool = False) -> None:
    """Its worker is gone: queue it again at its old place, or let it fail when that happened too often.

    `blameless` is not counted: the job cannot have been the cause.
    """
    losses = job["losses"] + (0 if blameless else 1)
    if losses > change.behaviour.max_losses:
        finish(
            change, job, FAILED, error=as_json(f"the job was lost by its worker {losses} times; the last: {reason}")
        )
        return
    change.connection.execute(
        "UPDATE jobs SET state = ?, output = NULL, taken_ms = NULL, lease_ms = NULL, losses = ?, due_ms = ? "
        "WHERE id = ?",
        (IN_QUEUE, losses, change.due(job["expires_ms"]), job["id"]),
    )
    drop_chunks(change, job["id"])
    if not blameless:
        count(change, "retried")
    change.changed.append(job["id"])
    change.queued += 1


def delete(change: Change, job_id: str) -> None:
    """Nothing is known of it any more."""
    for table, column in (("jobs", "id"), ("inputs", "job_id"), ("chunks", "job_id"), ("webhooks", "job_id")):
        change.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (job_id,))
    change.changed.append(job_id)


def drop_chunks(change: Change, job_id: str) -> None:
    change.connection.execute("DELETE FROM chunks WHERE job_id = ?", (job_id,))


def count(change: Change, name: str) -> None:
    change.connection.execute(
        "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,)
    )


def row(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return found


def as_json(value: object) -> str:
    return to_json(value).decode()
