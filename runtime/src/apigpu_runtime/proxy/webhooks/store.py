"""All SQL of webhook deliveries."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from apigpu_runtime.proxy.webhooks.deliveries import DEAD, DELIVERED, PENDING, Delivery, Try
from apigpu_runtime.proxy.webhooks.schedule import Next


def insert(connection: sqlite3.Connection, delivery: Delivery) -> None:
    """A job has one message: a second one for it changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO webhook_deliveries"
        " (id, job_id, event, origin, status, created_s, next_try_s, url, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            delivery.id,
            delivery.job_id,
            delivery.event,
            delivery.origin,
            delivery.status,
            delivery.created_s,
            delivery.next_try_s,
            delivery.url,
            delivery.body,
        ),
    )


def due(
    connection: sqlite3.Connection, now_s: float, *, without: Collection[str], busy: Collection[str], limit: int
) -> list[Delivery]:
    """Deliveries whose time has come, the longest waiting first: without those of `without` (ids) and those to
    the origins `busy`."""
    rows = connection.execute(
        "SELECT * FROM webhook_deliveries WHERE next_try_s <= ?"
        f" AND id NOT IN ({_marks(without)}) AND origin NOT IN ({_marks(busy)}) ORDER BY next_try_s LIMIT ?",
        (now_s, *without, *busy, limit),
    )
    return [_delivery(row) for row in rows]


def next_due_s(connection: sqlite3.Connection, *, after_s: float) -> float | None:
    """When the next delivery is due that is not so yet."""
    row = connection.execute(
        "SELECT min(next_try_s) FROM webhook_deliveries WHERE next_try_s > ?", (after_s,)
    ).fetchone()
    found: float | None = row[0]
    return found


def note_try(connection: sqlite3.Connection, delivery_id: str, done: Try, upcoming: Next | None) -> None:
    """Write down how a try ended, and what comes next; None: nothing, since it was taken or given up."""
    status = PENDING if upcoming else DELIVERED if done.is_taken else DEAD
    ended_s = done.started_s + done.duration_ms / 1000
    connection.execute(
        "UPDATE webhook_deliveries SET status = ?, next_try_s = ?, first_try_s = coalesce(first_try_s, ?),"
        " finished_s = ?, tries = tries + 1, quick_tries = coalesce(?, quick_tries),"
        " slow_tries = coalesce(?, slow_tries), http_status = ?, note = ? WHERE id = ?",
        (
            status,
            upcoming.at_s if upcoming else None,
            done.started_s,
            None if upcoming else ended_s,
            upcoming.quick_tries if upcoming else None,
            upcoming.slow_tries if upcoming else None,
            done.http_status,
            done.note,
            delivery_id,
        ),
    )
    connection.execute(
        "INSERT INTO webhook_tries SELECT id, tries, ?, ?, ?, ?, ? FROM webhook_deliveries WHERE id = ?",
        (done.started_s, done.duration_ms, done.http_status, done.note, done.response, delivery_id),
    )


def start_again(connection: sqlite3.Connection, delivery_id: str, now_s: float) -> bool:
    """Due at once, and from the beginning of the ladders; False where there is no such delivery."""
    done = connection.execute(
        "UPDATE webhook_deliveries SET status = ?, next_try_s = ?, first_try_s = NULL, finished_s = NULL,"
        " quick_tries = 0, slow_tries = 0 WHERE id = ?",
        (PENDING, now_s, delivery_id),
    )
    return done.rowcount == 1


def get(connection: sqlite3.Connection, delivery_id: str) -> Delivery | None:
    row = connection.execute("SELECT * FROM webhook_deliveries WHERE id = ?", (delivery_id,)).fetchone()
    return _delivery(row) if row else None


def of_job(connection: sqlite3.Connection, job_id: str) -> Delivery | None:
    row = connection.execute("SELECT * FROM webhook_deliveries WHERE job_id = ?", (job_id,)).fetchone()
    return _delivery(row) if row else None


def tries(connection: sqlite3.Connection, delivery_id: str) -> list[Try]:
    rows = connection.execute(
        "SELECT number, started_s, duration_ms, http_status, note, response FROM webhook_tries"
        " WHERE delivery_id = ? ORDER BY number",
        (delivery_id,),
    )
    return [Try(**dict(row)) for row in rows]


def page(connection: sqlite3.Connection, *, status: str | None, before: str | None, limit: int) -> list[Delivery]:
    """The newest first, from the one after `before` on."""
    rows = connection.execute(
        "SELECT * FROM webhook_deliveries WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR id < ?2)"
        " ORDER BY id DESC LIMIT ?3",
        (status, before, limit),
    )
    return [_delivery(row) for row in rows]


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    rows = connection.execute("SELECT status, count(*) FROM webhook_deliveries GROUP BY status")
    return {str(status): int(count) for status, count in rows}


def forget(connection: sqlite3.Connection, *, finished_before_s: float) -> None:
    connection.execute("DELETE FROM webhook_deliveries WHERE finished_s < ?", (finished_before_s,))


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(**dict(row))


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
