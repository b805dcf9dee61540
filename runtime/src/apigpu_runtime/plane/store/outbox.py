"""Webhooks that are still to be told, and the workers that must be found again after a crash."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from apigpu_runtime.plane.store.change import Change, row
from apigpu_runtime.plane.store.clients import StoredJob, stored


@dataclass(frozen=True)
class Call:
    """A webhook that is due, with the job as it ended and its input as JSON."""

    job: StoredJob
    input: str
    tries: int


def due_calls(connection: sqlite3.Connection, now_ms: int, limit: int) -> list[Call]:
    rows = connection.execute(
        "SELECT job_id, tries FROM webhooks WHERE next_ms <= ? ORDER BY next_ms LIMIT ?", (now_ms, limit)
    ).fetchall()
    return [call for item in rows if (call := _call(connection, item["job_id"], item["tries"])) is not None]


def next_call_ms(connection: sqlite3.Connection, after_ms: int) -> int | None:
    found: int | None = connection.execute(
        "SELECT min(next_ms) FROM webhooks WHERE next_ms > ?", (after_ms,)
    ).fetchone()[0]
    return found


def called(change: Change, job_id: str) -> None:
    change.connection.execute("DELETE FROM webhooks WHERE job_id = ?", (job_id,))


def call_failed(change: Change, job_id: str, tries: int) -> None:
    """Another try later, or none when there were enough."""
    if tries >= change.behaviour.webhook_tries:
        called(change, job_id)
        return
    next_ms = change.now_ms + int(change.behaviour.webhook_pause_s * 1000)
    change.connection.execute("UPDATE webhooks SET tries = ?, next_ms = ? WHERE job_id = ?", (tries, next_ms, job_id))


def remember_worker(change: Change, worker_id: str) -> None:
    change.connection.execute("INSERT OR REPLACE INTO started_workers VALUES (?)", (worker_id,))


def forget_worker(change: Change, worker_id: str) -> None:
    change.connection.execute("DELETE FROM started_workers WHERE worker_id = ?", (worker_id,))


def remembered_workers(connection: sqlite3.Connection) -> list[str]:
    return [item["worker_id"] for item in connection.execute("SELECT worker_id FROM started_workers").fetchall()]


def _call(connection: sqlite3.Connection, job_id: str, tries: int) -> Call | None:
    job = row(connection, job_id)
    text = connection.execute("SELECT input FROM inputs WHERE job_id = ?", (job_id,)).fetchone()
    return None if job is None or text is None else Call(stored(job), text["input"], tries)
