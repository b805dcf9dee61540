"""Tables of the proxy's jobs."""

from __future__ import annotations

# Narrow columns first: a list that filters by state need not read the long texts at the end of a row.
_JOBS = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    status TEXT NOT NULL,
    key_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    created_s REAL NOT NULL,
    endpoint_job_id TEXT NOT NULL DEFAULT '',
    submissions INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    submitted_s REAL,
    started_s REAL,
    finished_s REAL,
    execution_time_ms INTEGER,
    fields TEXT NOT NULL,
    options TEXT NOT NULL,
    result TEXT,
    failure TEXT
) STRICT;
CREATE INDEX jobs_open ON jobs (id) WHERE finished_s IS NULL;
CREATE INDEX jobs_finished ON jobs (finished_s) WHERE finished_s IS NOT NULL;
CREATE UNIQUE INDEX jobs_idempotency ON jobs (key_id, idempotency_key) WHERE idempotency_key <> ''
"""

MIGRATIONS = (_JOBS,)
