"""The store against a model of a few lines, whatever clients, workers and the clock do in whatever order."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from apigpu_runtime.backend import CANCELLED, COMPLETED, FAILED, FINAL, IN_PROGRESS, IN_QUEUE, TIMED_OUT
from apigpu_runtime.plane.behaviour import Behaviour
from apigpu_runtime.plane.schema import MIGRATIONS
from apigpu_runtime.plane.store import clients, expiry, workers
from apigpu_runtime.plane.store.change import Change
from apigpu_runtime.plane.store.clients import Submission
from apigpu_runtime.plane.store.workers import Report

Value = TypeVar("Value")
BEHAVIOUR = Behaviour(lease_s=30, max_losses=3)
KEEP_MS = 100_000
WORKERS = st.sampled_from(["w1", "w2", "w3"])


@dataclass
class Job:
    """What the model knows. Times in ms; `lease` and `deadline` only while it runs."""

    low_priority: bool
    queued: int
    order: int
    expires: int
    timeout: int
    state: str = IN_QUEUE
    worker: str = ""
    losses: int = 0
    lease: int = 0
    deadline: int = 0
    forget: int = 0
    output: str | None = None
    chunks: int = 0


class Store(RuleBasedStateMachine):
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        for script in MIGRATIONS:
            self.connection.executescript(script)
        self.now = 1_000_000
        self.model: dict[str, Job] = {}
        self.count = 0

    def change(self, work: Callable[[Change], Value]) -> Value:
        change = Change(self.connection, self.now, BEHAVIOUR)
        return work(change)

    @rule(
        target=jobs,
        low_priority=st.booleans(),
        ttl_s=st.integers(10, 400),
        timeout_s=st.integers(5, 200),
        key=st.sampled_from(["", "", "a", "b"]),
    )
    def submit(self, low_priority: bool, ttl_s: int, timeout_s: int, key: str) -> str:
        self.count += 1
        job_id = f"job-{self.count}"
        job = Submission(
            id=job_id,
            input="{}",
            low_priority=low_priority,
            keep_ms=KEEP_MS,
            ttl_ms=ttl_s * 1000,
            execution_timeout_ms=timeout_s * 1000,
            idempotency_key=key and f"{key}-{self.count // 3}",
        )
        given = self.change(lambda change: clients.submit(change, job))
        if given != job_id:
            assert key
            assert given in self.model
            return given
        self.model[job_id] = Job(low_priority, self.now, self.count, self.now + ttl_s * 1000, timeout_s * 1000)
        return job_id

    @rule(worker=WORKERS, count=st.integers(1, 3))
    def take(self, worker: str, count: int) -> None:
        waiting = [(job.low_priority, job.queued, job.order, job_id) for job_id, job in self.waiting()]
        expected = [job_id for *_, job_id in sorted(waiting)[:count]]
        taken = self.change(lambda change: workers.take(change, worker, count))
        assert [job.id for job in taken] == expected
        for job_id in expected:
            job = self.model[job_id]
            job.state, job.worker = IN_PROGRESS, worker
            job.lease, job.deadline = self.now + 30_000, self.now + job.timeout

    def waiting(self) -> list[tuple[str, Job]]:
        return [(name, job) for name, job in self.model.items() if job.state == IN_QUEUE and job.expires > self.now]

    @rule(worker=WORKERS, job_id=jobs)
    def ping(self, worker: str, job_id: str) -> None:
        def work(change: Change) -> list[tuple[str, str]]:
            workers.ping(change, worker, [job_id])
            return change.stops

        stops = self.change(work)
        job = self.model.get(job_id)
        if job is not None and job.state == IN_PROGRESS and job.worker == worker:
            job.lease = self.now + 30_000
            assert not stops
        else:
            assert stops == [(worker, job_id)]

    @rule(worker=WORKERS, job_id=jobs, failed=st.booleans())
    def deliver(self, worker: str, job_id: str, failed: bool) -> None:
        report = Report(f'"{worker} at {self.now}"', '"why"' if failed else None)
        known = self.change(lambda change: workers.deliver(change, worker, job_id, report))
        job = self.model.get(job_id)
        assert known == (job is not None)
        if job is None or job.state in FINAL or not job.worker:
            return
        holds = job.state == IN_PROGRESS and job.worker == worker
        if holds or not failed:
            job.worker, job.output = worker, report.output
            self.end(job, FAILED if failed else COMPLETED)

    @rule(worker=WORKERS, job_id=jobs)
    def report_progress(self, worker: str, job_id: str) -> None:
        text = f'"{worker} has begun"'
        self.change(lambda change: workers.progress(change, worker, job_id, text))
        job = self.model.get(job_id)
        if job is not None and job.state == IN_PROGRESS and job.worker == worker:
            job.output = text

    @rule(worker=WORKERS, job_id=jobs)
    def stream(self, worker: str, job_id: str) -> None:
        self.change(lambda change: workers.chunk(change, worker, job_id, "1"))
        job = self.model.get(job_id)
        if job is not None and job.state == IN_PROGRESS and job.worker == worker:
            job.chunks += 1

    @rule(job_id=jobs)
    def drain(self, job_id: str) -> None:
        job = self.model.get(job_id)
        assert self.change(lambda change: clients.drain(change, job_id)) == [1] * (job.chunks if job else 0)
        if job:
            job.chunks = 0

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        job = self.model.get(job_id)
        found = self.change(lambda change: clients.cancel(change, job_id))
        if job is None or self.forgotten(job):
            assert found is None
            return
        if job.state not in FINAL:
            job.output = None
            self.end(job, CANCELLED)
        assert found is not None
        assert found.state == job.state

    @rule(job_id=jobs)
    def retry(self, job_id: str) -> None:
        job = self.model.get(job_id)
        before = self.change(lambda change: clients.retry(change, job_id))
        if job is None or self.forgotten(job):
            assert before is None
            return
        assert before == job.state
        if job.state in (FAILED, TIMED_OUT):
            job.expires += self.now - job.queued
            job.state, job.queued, job.losses, job.output, job.forget = IN_QUEUE, self.now, 0, None, 0
            job.chunks = 0

    @rule()
    def purge(self) -> None:
        waiting = [job for job in self.model.values() if job.state == IN_QUEUE]
        assert self.change(clients.purge) == len(waiting)
        for job in waiting:
            self.end(job, CANCELLED)

    @rule(worker=WORKERS, blameless=st.booleans())
    def lose_worker(self, worker: str, blameless: bool) -> None:
        self.change(lambda change: workers.lose_worker(change, worker, "it died.", blameless=blameless))
        for job in self.model.values():
            if job.state == IN_PROGRESS and job.worker == worker:
                self.lose(job, blameless)

    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1000
        while self.change(expiry.expire):
            pass
        for job_id, job in list(self.model.items()):
            if job.state in FINAL:
                if self.forgotten(job):
                    del self.model[job_id]
            elif job.expires <= self.now:
                del self.model[job_id]
            elif job.state == IN_PROGRESS and job.deadline <= self.now:
                job.output = None
                self.end(job, TIMED_OUT)
            elif job.state == IN_PROGRESS and job.lease <= self.now:
                self.lose(job, False)

    @rule(job_id=consumes(jobs))
    def forget_in_test(self, job_id: str) -> None:
        """Keeps the choice of jobs small."""

    def end(self, job: Job, state: str) -> None:
        job.state, job.forget = state, self.now + KEEP_MS

    def lose(self, job: Job, blameless: bool) -> None:
        job.output = None
        losses = job.losses + (not blameless)
        if losses > 3:
            self.end(job, FAILED)
        else:
            job.state, job.losses, job.chunks = IN_QUEUE, losses, 0

    def forgotten(self, job: Job) -> bool:
        return job.state in FINAL and job.forget <= self.now

    @invariant()
    def the_store_knows_what_the_model_knows(self) -> None:
        rows = {row["id"]: row for row in self.connection.execute("SELECT * FROM jobs")}
        assert rows.keys() == self.model.keys()
        for job_id, job in self.model.items():
            row = rows[job_id]
            assert (row["state"], row["worker_id"], row["losses"]) == (job.state, job.worker, job.losses)
            assert row["output"] == job.output
            assert row["due_ms"] == self.due(job)

    def due(self, job: Job) -> int:
        if job.state in FINAL:
            return job.forget
        return job.expires if job.state == IN_QUEUE else min(job.expires, job.deadline, job.lease)

    @invariant()
    def nothing_is_left_of_what_is_forgotten(self) -> None:
        for table in ("inputs", "chunks", "webhooks"):
            rows = self.connection.execute(f"SELECT job_id FROM {table}").fetchall()
            assert {row["job_id"] for row in rows} <= self.model.keys()

    def teardown(self) -> None:
        self.connection.close()


Store.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStore = Store.TestCase
