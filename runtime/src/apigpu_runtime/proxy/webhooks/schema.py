"""Tables of webhook deliveries, in the database of the jobs: a job's end and its message are written together."""

from __future__ import annotations

_DELIVERIES = """
CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    event TEXT NOT NULL,
    origin TEXT NOT NULL,
    status TEXT NOT NULL,
    created_s REAL NOT NULL,
    next_try_s REAL,
    first_try_s REAL,
    finished_s REAL,
    tries INTEGER NOT NULL DEFAULT 0,
    quick_tries INTEGER NOT NULL DEFAULT 0,
    slow_tries INTEGER NOT NULL DEFAULT 0,
    http_status INTEGER,
    note TEXT NOT NULL DEFAULT '',
    url TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX webhook_deliveries_job ON webhook_deliveries (job_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_try_s) WHERE next_try_s IS NOT NULL;
CREATE INDEX webhook_deliveries_status ON webhook_deliveries (status, id);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_s) WHERE finished_s IS NOT NULL;
CREATE TABLE webhook_tries (
    delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    started_s REAL NOT NULL,
    duration_ms INTEGER NOT NULL,
    http_status INTEGER,
    note TEXT NOT NULL,
    response TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT
"""

MIGRATIONS = (_DELIVERIES,)
