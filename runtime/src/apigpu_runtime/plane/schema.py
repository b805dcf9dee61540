"""The tables of the plane. A migration, once released, is never changed: add another."""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        low_priority INTEGER NOT NULL,
        queued_ms INTEGER NOT NULL,      -- when it was submitted, or retried: its place in the queue
        expires_ms INTEGER NOT NULL,     -- submission and TTL
        due_ms INTEGER NOT NULL,         -- when time alone will change it next
        keep_ms INTEGER NOT NULL,        -- how long it is kept when finished
        execution_timeout_ms INTEGER NOT NULL,
        taken_ms INTEGER,
        finished_ms INTEGER,
        forget_ms INTEGER,               -- when a finished one is not known any more
        lease_ms INTEGER,                -- until when its worker's last ping counts
        worker_id TEXT NOT NULL DEFAULT '',
        losses INTEGER NOT NULL DEFAULT 0,
        idempotency_key TEXT UNIQUE,
        webhook TEXT NOT NULL,
        output TEXT,
        error TEXT
    );
    CREATE TABLE inputs (
        job_id TEXT PRIMARY KEY,
        input TEXT NOT NULL,
        extras TEXT NOT NULL             -- what else of the request the worker gets
    );
    CREATE INDEX jobs_queue ON jobs (low_priority, queued_ms, seq) WHERE state = 'IN_QUEUE';
    CREATE INDEX jobs_held ON jobs (worker_id) WHERE state = 'IN_PROGRESS';
    CREATE INDEX jobs_due ON jobs (due_ms);
    CREATE TABLE chunks (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL,
        chunk TEXT NOT NULL
    );
    CREATE INDEX chunks_job ON chunks (job_id);
    CREATE TABLE webhooks (
        job_id TEXT PRIMARY KEY,
        tries INTEGER NOT NULL,
        next_ms INTEGER NOT NULL
    );
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
    CREATE TABLE started_workers (worker_id TEXT PRIMARY KEY);
    """,
)
