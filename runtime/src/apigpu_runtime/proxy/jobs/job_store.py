"""Jobs in the database: all of its SQL. Whatever changes a job works within a transaction of the caller's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from apigpu_runtime.backend import CANCELLED, IN_PROGRESS, IN_QUEUE
from apigpu_runtime.envelope import Failure, Result
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.documents import JobRecord


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs to list: those before the job `before`, with an id from `since` on and below `until`."""

    status: str = ""
    operation: str = ""
    since: str = ""
    until: str = ""
    before: str = ""
    limit: int


@dataclass(frozen=True)
class Keyed:
    """The job that an idempotency key stands for, and the digest of its request."""

    job_id: str
    request_digest: str


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a job ends."""

    status: str
    result: Result | None = None
    failure: Failure | None = None
    execution_time_ms: int | None = None


_INSERT = """
INSERT INTO jobs
    (id, operation, status, key_id, request_id, idempotency_key, request_digest, created_s, fields, options)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def insert(
    connection: sqlite3.Connection, job: JobRecord, *, idempotency_key: str = "", request_digest: str = ""
) -> None:
    connection.execute(
        _INSERT,
        (
            job.id,
            job.operation,
            job.status,
            job.key_id,
            job.request_id,
            idempotency_key,
            request_digest,
            job.created_s,
            to_json(job.fields).decode(),
            job.options.model_dump_json(exclude_defaults=True),
        ),
    )


def find(connection: sqlite3.Connection, job_id: str) -> JobRecord | None:
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return _record(row) if row is not None else None


def find_keyed(connection: sqlite3.Connection, key_id: str, idempotency_key: str) -> Keyed | None:
    row = connection.execute(
        "SELECT id, request_digest FROM jobs WHERE key_id = ? AND idempotency_key = ? AND idempotency_key <> ''",
        (key_id, idempotency_key),
    ).fetchone()
    return Keyed(*row) if row is not None else None


def matching(connection: sqlite3.Connection, wanted: JobFilter) -> list[JobRecord]:
    """The newest first."""
    conditions = (
        ("status = ?", wanted.status),
        ("operation = ?", wanted.operation),
        ("id >= ?", wanted.since),
        ("id < ?", wanted.until),
        ("id < ?", wanted.before),
    )
    used = [(condition, value) for condition, value in conditions if value]
    where = " AND ".join(condition for condition, _ in used) or "TRUE"
    values = [value for _, value in used]
    rows = connection.execute(f"SELECT * FROM jobs WHERE {where} ORDER BY id DESC LIMIT ?", (*values, wanted.limit))
    return [_record(row) for row in rows]


def unfinished(connection: sqlite3.Connection) -> list[JobRecord]:
    """The oldest first."""
    return [_record(row) for row in connection.execute("SELECT * FROM jobs WHERE finished_s IS NULL ORDER BY id")]


def open_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Jobs that have not ended, by their state."""
    rows = connection.execute("SELECT status, count(*) FROM jobs WHERE finished_s IS NULL GROUP BY status")
    return {str(status): int(count) for status, count in rows}


def mark_taken(connection: sqlite3.Connection, job_id: str, endpoint_job_id: str, now_s: float) -> bool:
    """The endpoint has it. False where it has ended meanwhile."""
    return _changed(
        connection,
        "UPDATE jobs SET endpoint_job_id = ?, submitted_s = ?, submissions = submissions + 1 "
        "WHERE id = ? AND finished_s IS NULL",
        (endpoint_job_id, now_s, job_id),
    )


def mark_running(connection: sqlite3.Connection, job_id: str, now_s: float) -> bool:
    return _changed(
        connection,
        "UPDATE jobs SET status = ?, started_s = coalesce(started_s, ?) WHERE id = ? AND finished_s IS NULL",
        (IN_PROGRESS, now_s, job_id),
    )


def mark_queued(connection: sqlite3.Connection, job_id: str) -> bool:
    """It waits at the endpoint again, as after the loss of a worker."""
    return _changed(
        connection,
        "UPDATE jobs SET status = ?, started_s = NULL WHERE id = ? AND finished_s IS NULL",
        (IN_QUEUE, job_id),
    )


def take_back(connection: sqlite3.Connection, job_id: str, failure: Failure | None) -> bool:
    """It is no longer at the endpoint, for that reason, and must be submitted again."""
    return _changed(
        connection,
        "UPDATE jobs SET status = ?, endpoint_job_id = '', submitted_s = NULL, started_s = NULL, failure = ? "
        "WHERE id = ? AND finished_s IS NULL",
        (IN_QUEUE, failure.model_dump_json() if failure else None, job_id),
    )


def request_cancel(connection: sqlite3.Connection, job_id: str) -> bool:
    return _changed(connection, "UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND finished_s IS NULL", (job_id,))


def finish(connection: sqlite3.Connection, job_id: str, ending: Ending, now_s: float) -> JobRecord | None:
    """The job as it ended. None where it had ended before: the first end stands."""
    before = find(connection, job_id)
    if before is None or before.is_final:
        return None
    started_s = _start(before, ending, now_s)
    connection.execute(
        "UPDATE jobs SET status = ?, started_s = ?, finished_s = ?, execution_time_ms = ?, result = ?, failure = ? "
        "WHERE id = ?",
        (
            ending.status,
            started_s,
            now_s,
            ending.execution_time_ms,
            _with_queue_time(ending.result, before, started_s),
            ending.failure.model_dump_json() if ending.failure else None,
            job_id,
        ),
    )
    return find(connection, job_id)


def expired(
    connection: sqlite3.Connection, *, finished_before_s: float, keyed_before_s: float, limit: int
) -> list[JobRecord]:
    """Jobs to be forgotten; one with an idempotency key only if it was made before `keyed_before_s`."""
    rows = connection.execute(
        "SELECT * FROM jobs WHERE finished_s < ? AND (idempotency_key = '' OR created_s < ?) "
        "ORDER BY finished_s LIMIT ?",
        (finished_before_s, keyed_before_s, limit),
    )
    return [_record(row) for row in rows]


def remove(connection: sqlite3.Connection, job_ids: Sequence[str]) -> None:
    connection.executemany("DELETE FROM jobs WHERE id = ?", [(job_id,) for job_id in job_ids])


def _start(job: JobRecord, ending: Ending, now_s: float) -> float | None:
    """When it began: as seen, or else as the endpoint's measure of the run has it."""
    if job.started_s is not None or ending.status == CANCELLED or ending.execution_time_ms is None:
        return job.started_s
    return max(job.submitted_s or job.created_s, now_s - ending.execution_time_ms / 1000)


def _with_queue_time(result: Result | None, job: JobRecord, started_s: float | None) -> str | None:
    if result is None:
        return None
    queue_s = max(0.0, started_s - job.created_s) if started_s is not None else None
    timings = result.timings.model_copy(update={"queue_s": queue_s})
    return result.model_copy(update={"timings": timings, "job_id": job.id}).model_dump_json()


def _changed(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> bool:
    return connection.execute(sql, values).rowcount > 0


def _record(row: sqlite3.Row) -> JobRecord:
    return JobRecord(
        id=row["id"],
        operation=row["operation"],
        fields=json.loads(row["fields"]),
        options=Options.model_validate_json(row["options"]),
        key_id=row["key_id"],
        request_id=row["request_id"],
        created_s=row["created_s"],
        status=row["status"],
        endpoint_job_id=row["endpoint_job_id"],
        submissions=row["submissions"],
        submitted_s=row["submitted_s"],
        cancel_requested=bool(row["cancel_requested"]),
        started_s=row["started_s"],
        finished_s=row["finished_s"],
        execution_time_ms=row["execution_time_ms"],
        result=Result.model_validate_json(row["result"]) if row["result"] else None,
        failure=Failure.model_validate_json(row["failure"]) if row["failure"] else None,
    )
