"""What workers do with jobs: take them, hold them by pinging, report, and be lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from apigpu_runtime.backend import COMPLETED, FAILED, FINAL, IN_PROGRESS, IN_QUEUE
from apigpu_runtime.plane.store.change import Change, finish, lose, row, stop


@dataclass(frozen=True)
class TakenJob:
    """A job as a worker gets it; `input` and `extras` are JSON."""

    id: str
    input: str
    extras: str


@dataclass(frozen=True)
class Report:
    """A final result. `output` and `error` are JSON; with an error the job has failed."""

    output: str | None
    error: str | None


def take(change: Change, worker_id: str, count: int) -> list[TakenJob]:
    """The next jobs, leased to the worker until `lease_s` after its last ping with them."""
    jobs = change.connection.execute(
        f"SELECT * FROM jobs JOIN inputs ON job_id = id WHERE state = '{IN_QUEUE}' AND expires_ms > ? "
        "ORDER BY low_priority, queued_ms, seq LIMIT ?",
        (change.now_ms, count),
    ).fetchall()
    for job in jobs:
        _lease(change, job, worker_id)
    return [TakenJob(job["id"], job["input"], job["extras"]) for job in jobs]


def give_back(change: Change, worker_id: str, job_ids: Iterable[str]) -> None:
    """Jobs that were taken for a connection that broke before they went out: as if they had never been taken."""
    for job_id in job_ids:
        job = _held(change, worker_id, job_id)
        if job is not None:
            lose(change, job, "its worker was gone before it got the job.", blameless=True)


def ping(change: Change, worker_id: str, job_ids: Iterable[str]) -> None:
    """The worker lives and works on these: they stay its own. What is not its own any more it is told to stop."""
    lease_ms = _lease_end(change)
    for job_id in job_ids:
        job = _held(change, worker_id, job_id)
        if job is None:
            change.stops.append((worker_id, job_id))
            continue
        change.connection.execute(
            "UPDATE jobs SET lease_ms = ?, due_ms = ? WHERE id = ?",
            (lease_ms, _due(change, job, lease_ms, job["taken_ms"]), job_id),
        )


def progress(change: Change, worker_id: str, job_id: str, output: str) -> None:
    """Shown as the output of a running job. Too late, or from a worker that lost the job, it is nothing."""
    if _held(change, worker_id, job_id) is not None:
        change.connection.execute("UPDATE jobs SET output = ? WHERE id = ?", (output, job_id))
        change.changed.append(job_id)


def chunk(change: Change, worker_id: str, job_id: str, text: str) -> None:
    """One piece of a stream, as JSON."""
    if _held(change, worker_id, job_id) is not None:
        change.connection.execute("INSERT INTO chunks (job_id, chunk) VALUES (?, ?)", (job_id, text))
        change.changed.append(job_id)


def deliver(change: Change, worker_id: str, job_id: str, report: Report) -> bool:
    """The first final result wins, and the answer tells whether the job is known at all.

    A worker that lost the job may still bring its output, since that is the work done; its error counts no more,
    since another may be doing better.
    """
    job = row(change.connection, job_id)
    if job is None:
        return False
    holds = job["state"] == IN_PROGRESS and job["worker_id"] == worker_id
    if job["state"] in FINAL or not job["worker_id"] or (report.error is not None and not holds):
        return True
    if not holds:
        stop(change, job)
        _credit(change, job, worker_id)
    finish(change, job, FAILED if report.error is not None else COMPLETED, output=report.output, error=report.error)
    return True


def lose_worker(change: Change, worker_id: str, reason: str, *, blameless: bool = False) -> int:
    """Every job of a worker that is gone, queued again or failed; how many."""
    jobs = held_jobs(change.connection, worker_id)
    for job in jobs:
        lose(change, job, reason, blameless=blameless)
    return len(jobs)


def lose_absent(change: Change, worker_id: str) -> None:
    """What the worker holds although it says that it works on nothing: it never got these, or lost its results."""
    lose_worker(change, worker_id, "its worker asked for another job without having brought a result.")


def hold_all(change: Change) -> None:
    """Every lease begins anew: after a pause of the plane, its workers get the time to ping."""
    lease_ms = _lease_end(change)
    for job in change.connection.execute(f"SELECT * FROM jobs WHERE state = '{IN_PROGRESS}'").fetchall():
        change.connection.execute(
            "UPDATE jobs SET lease_ms = ?, due_ms = ? WHERE id = ?",
            (lease_ms, _due(change, job, lease_ms, job["taken_ms"]), job["id"]),
        )


def held_jobs(connection: sqlite3.Connection, worker_id: str) -> list[sqlite3.Row]:
    return connection.execute(
        f"SELECT * FROM jobs WHERE state = '{IN_PROGRESS}' AND worker_id = ? ORDER BY seq", (worker_id,)
    ).fetchall()


def holders(connection: sqlite3.Connection) -> dict[str, int]:
    """How many jobs each worker holds."""
    rows = connection.execute(
        f"SELECT worker_id, count(*) FROM jobs WHERE state = '{IN_PROGRESS}' GROUP BY worker_id"
    ).fetchall()
    return dict(rows)


def _lease(change: Change, job: sqlite3.Row, worker_id: str) -> None:
    lease_ms = _lease_end(change)
    change.connection.execute(
        "UPDATE jobs SET state = ?, worker_id = ?, taken_ms = ?, lease_ms = ?, due_ms = ? WHERE id = ?",
        (IN_PROGRESS, worker_id, change.now_ms, lease_ms, _due(change, job, lease_ms, change.now_ms), job["id"]),
    )
    change.changed.append(job["id"])


def _lease_end(change: Change) -> int:
    return change.now_ms + int(change.behaviour.lease_s * 1000)


def _due(change: Change, job: sqlite3.Row, lease_ms: int, taken_ms: int) -> int:
    return change.due(min(lease_ms, taken_ms + job["execution_timeout_ms"], job["expires_ms"]))


def _held(change: Change, worker_id: str, job_id: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = change.connection.execute(
        "SELECT * FROM jobs WHERE id = ? AND state = ? AND worker_id = ?", (job_id, IN_PROGRESS, worker_id)
    ).fetchone()
    return found


def _credit(change: Change, job: sqlite3.Row, worker_id: str) -> None:
    change.connection.execute(
        "UPDATE jobs SET worker_id = ?, taken_ms = coalesce(taken_ms, ?) WHERE id = ?",
        (worker_id, change.now_ms, job["id"]),
    )
