"""What clients do with jobs: submit, look, cancel, retry, purge."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from apigpu_runtime.backend import CANCELLED, FAILED, FINAL, IN_PROGRESS, IN_QUEUE, TIMED_OUT
from apigpu_runtime.plane.store.change import Change, count, delete, drop_chunks, finish, row, stop


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A checked request. `input` and `extras` are JSON; an empty `idempotency_key` is none."""

    id: str
    input: str
    extras: str = "{}"
    webhook: str = ""
    low_priority: bool = False
    keep_ms: int
    ttl_ms: int
    execution_timeout_ms: int
    idempotency_key: str = ""


@dataclass(frozen=True)
class StoredJob:
    """What is known of a job. `delay_ms` is None until it runs, `execution_ms` until it has ended."""

    id: str
    state: str
    delay_ms: int | None
    execution_ms: int | None
    retries: int
    worker_id: str
    webhook: str
    output: str | None
    error: str | None


def submit(change: Change, job: Submission) -> str:
    """The id of the job: of an older one that came with the same idempotency key, if there is one."""
    known = _same_key(change, job.idempotency_key)
    if known:
        return known
    expires_ms = change.due(change.now_ms + job.ttl_ms)
    change.connection.execute(
        "INSERT INTO jobs (id, state, low_priority, queued_ms, expires_ms, due_ms, keep_ms, execution_timeout_ms, "
        "idempotency_key, webhook) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.id,
            IN_QUEUE,
            job.low_priority,
            change.now_ms,
            expires_ms,
            expires_ms,
            job.keep_ms,
            job.execution_timeout_ms,
            job.idempotency_key or None,
            job.webhook,
        ),
    )
    change.connection.execute("INSERT INTO inputs VALUES (?, ?, ?)", (job.id, job.input, job.extras))
    change.changed.append(job.id)
    change.queued += 1
    return job.id


def find(connection: sqlite3.Connection, now_ms: int, job_id: str) -> StoredJob | None:
    """The job, until it is forgotten."""
    found = row(connection, job_id)
    return None if found is None or _forgotten(found, now_ms) else stored(found)


def stored(job: sqlite3.Row) -> StoredJob:
    begun, ended = job["taken_ms"], job["finished_ms"]
    return StoredJob(
        id=job["id"],
        state=job["state"],
        delay_ms=None if begun is None else max(0, begun - job["queued_ms"]),
        execution_ms=None if begun is None or ended is None else max(0, ended - begun),
        retries=job["losses"],
        worker_id=job["worker_id"],
        webhook=job["webhook"],
        output=job["output"],
        error=job["error"],
    )


def cancel(change: Change, job_id: str) -> StoredJob | None:
    """The job as it is then: one that had ended before stays as it was."""
    job = _known(change, job_id)
    if job is None:
        return None
    if job["state"] not in FINAL:
        stop(change, job)
        finish(change, job, CANCELLED)
    return find(change.connection, change.now_ms, job_id)


def retry(change: Change, job_id: str) -> str | None:
    """The state that the job was in; it is queued again only if that is FAILED or TIMED_OUT. None: unknown."""
    job = _known(change, job_id)
    if job is None:
        return None
    state: str = job["state"]
    if state in (FAILED, TIMED_OUT):
        expires_ms = change.due(max(job["expires_ms"], change.now_ms + job["expires_ms"] - job["queued_ms"]))
        change.connection.execute(
            "UPDATE jobs SET state = ?, output = NULL, error = NULL, queued_ms = ?, expires_ms = ?, due_ms = ?, "
            "taken_ms = NULL, finished_ms = NULL, forget_ms = NULL, losses = 0 WHERE id = ?",
            (IN_QUEUE, change.now_ms, expires_ms, expires_ms, job_id),
        )
        drop_chunks(change, job_id)
        change.connection.execute("DELETE FROM webhooks WHERE job_id = ?", (job_id,))
        count(change, "retried")
        change.changed.append(job_id)
        change.queued += 1
    return state


def purge(change: Change) -> int:
    """How many waiting jobs were taken out of the queue."""
    waiting = change.connection.execute("SELECT * FROM jobs WHERE state = ?", (IN_QUEUE,)).fetchall()
    for job in waiting:
        if change.behaviour.purged == "deleted":
            delete(change, job["id"])
        else:
            finish(change, job, CANCELLED)
    return len(waiting)


def drain(change: Change, job_id: str) -> list[Any]:
    """What the job streamed since the last call, each once."""
    rows = change.connection.execute("SELECT chunk FROM chunks WHERE job_id = ? ORDER BY seq", (job_id,)).fetchall()
    if rows:
        drop_chunks(change, job_id)
    return [from_json(item["chunk"]) for item in rows]


def has_chunks(connection: sqlite3.Connection, job_id: str) -> bool:
    return connection.execute("SELECT 1 FROM chunks WHERE job_id = ? LIMIT 1", (job_id,)).fetchone() is not None


def job_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """The five counts of `/health`: `completed`, `failed` and `retried` since the plane exists."""
    kept = dict(connection.execute("SELECT name, value FROM counters").fetchall())
    return {
        "completed": kept.get("completed", 0),
        "failed": kept.get("failed", 0),
        "inProgress": _in_state(connection, IN_PROGRESS),
        "inQueue": _in_state(connection, IN_QUEUE),
        "retried": kept.get("retried", 0),
    }


def queue_length(connection: sqlite3.Connection) -> int:
    return _in_state(connection, IN_QUEUE)


def is_queued(connection: sqlite3.Connection) -> bool:
    """Whether any job waits, without counting them."""
    found = connection.execute(f"SELECT 1 FROM jobs WHERE state = '{IN_QUEUE}' LIMIT 1").fetchone()
    return found is not None


def _in_state(connection: sqlite3.Connection, state: str) -> int:
    # The state stands in the text, so that SQLite sees that the partial index fits.
    found: int = connection.execute(f"SELECT count(*) FROM jobs WHERE state = '{state}'").fetchone()[0]
    return found


def _known(change: Change, job_id: str) -> sqlite3.Row | None:
    job = row(change.connection, job_id)
    return None if job is None or _forgotten(job, change.now_ms) else job


def _forgotten(job: sqlite3.Row, now_ms: int) -> bool:
    """Time has ended it, also while nobody has come to delete it yet."""
    return job["forget_ms"] is not None and bool(job["forget_ms"] <= now_ms)


def _same_key(change: Change, key: str) -> str:
    if not key:
        return ""
    job = change.connection.execute("SELECT * FROM jobs WHERE idempotency_key = ?", (key,)).fetchone()
    if job is None:
        return ""
    if _forgotten(job, change.now_ms):
        change.connection.execute("UPDATE jobs SET idempotency_key = NULL WHERE id = ?", (job["id"],))
        return ""
    return str(job["id"])
