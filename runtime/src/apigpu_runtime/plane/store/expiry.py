"""What time alone does to jobs: TTL, execution timeout, leases, forgetting."""

from __future__ import annotations

import sqlite3

from apigpu_runtime.backend import FINAL, IN_PROGRESS, TIMED_OUT
from apigpu_runtime.plane.store.change import Change, as_json, delete, finish, lose, stop

_AT_ONCE = 500
_WAIT_FOR_WEBHOOK_MS = 5000


def expire(change: Change) -> bool:
    """Everything that is due by now, or the first of it: then more is left."""
    jobs = change.connection.execute(
        "SELECT * FROM jobs WHERE due_ms <= ? ORDER BY due_ms LIMIT ?", (change.now_ms, _AT_ONCE)
    ).fetchall()
    for job in jobs:
        _expire_one(change, job)
    return len(jobs) == _AT_ONCE


def next_due_ms(connection: sqlite3.Connection) -> int | None:
    found: int | None = connection.execute("SELECT min(due_ms) FROM jobs").fetchone()[0]
    return found


def _expire_one(change: Change, job: sqlite3.Row) -> None:
    if job["state"] in FINAL:
        _forget(change, job)
    elif job["expires_ms"] <= change.now_ms:
        _end_of_life(change, job)
    elif job["state"] == IN_PROGRESS and job["taken_ms"] + job["execution_timeout_ms"] <= change.now_ms:
        _time_out(change, job)
    elif job["state"] == IN_PROGRESS:
        lose(change, job, f"worker {job['worker_id']} sent no sign of life with it.")


def _forget(change: Change, job: sqlite3.Row) -> None:
    """Unless its webhook is still to be told: it is hidden from clients until then."""
    pending = change.connection.execute("SELECT 1 FROM webhooks WHERE job_id = ?", (job["id"],)).fetchone()
    if pending is None:
        delete(change, job["id"])
        return
    later_ms = change.due(change.now_ms + _WAIT_FOR_WEBHOOK_MS)
    change.connection.execute("UPDATE jobs SET due_ms = ? WHERE id = ?", (later_ms, job["id"]))


def _end_of_life(change: Change, job: sqlite3.Row) -> None:
    stop(change, job)
    if change.behaviour.expired == "deleted":
        delete(change, job["id"])
    else:
        finish(change, job, TIMED_OUT, error=as_json("the job's time to live is over."))


def _time_out(change: Change, job: sqlite3.Row) -> None:
    stop(change, job)
    limit_s = job["execution_timeout_ms"] / 1000
    finish(change, job, TIMED_OUT, error=as_json(f"the job ran longer than its execution timeout of {limit_s:g} s."))
