"""Receivers of webhooks on real sockets, jobs to tell of, and a clock that is set by hand."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from apigpu_runtime.database import Database
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.documents import Execution, JobDocument, JobRecord, Links, Stats
from apigpu_runtime.proxy.webhooks import MIGRATIONS, Webhooks, written_secret
from apigpu_runtime.proxy.webhooks.deliveries import Delivery
from apigpu_runtime.settings import Settings

SECRET = written_secret(b"0123456789abcdef0123456789abcdef")
OLD_SECRET = written_secret(b"fedcba9876543210fedcba9876543210")
BEGIN_S = 1_800_000_000.0


@dataclass(frozen=True)
class Message:
    """A request as it stood on the wire."""

    line: bytes
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` are given one after the other, the last one from then on; 0 means silence."""

    answers: list[int]
    port: int = 0
    extra: str = ""
    text: str = "thanks"
    messages: list[Message] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._one(reader, writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        pairs = (line.decode().split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.messages.append(Message(head[0], headers, body))
        status = self.answers[min(len(self.messages), len(self.answers)) - 1]
        if not status:
            await asyncio.Event().wait()
        text = self.text.encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n{self.extra}\r\n".encode() + text)
        await writer.drain()


@asynccontextmanager
async def receiver(*answers: int, extra: str = "", text: str = "thanks") -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    made = Receiver(list(answers or (200,)), extra=extra, text=text)
    tasks: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await made.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@dataclass
class Clock:
    now_s: float = BEGIN_S

    def __call__(self) -> float:
        return self.now_s


def job_record(job_id: str, url: str | None, *, status: str = "COMPLETED") -> JobRecord:
    return JobRecord(
        id=job_id,
        operation="caption",
        fields={},
        options=Options(webhook_url=url),
        created_s=BEGIN_S,
        status=status,
        finished_s=BEGIN_S,
    )


def job_document(job: JobRecord) -> JobDocument:
    return JobDocument(
        code=200,
        message="done: \u00e7\u00e3o",
        execution=Execution(),
        stats=Stats(jobId=job.id),
        id=job.id,
        operation=job.operation,
        status=job.status,
        created_at="2027-01-15T08:00:00Z",
        links=Links(self="/jobs/1", events="/jobs/1/events", result="/jobs/1/result"),
    )


@dataclass
class Desk:
    """Webhooks that run, with what a test needs of them."""

    webhooks: Webhooks
    database: Database
    clock: Clock

    async def finish(self, job_id: str, url: str | None, *, status: str = "COMPLETED") -> None:
        """A job ends in a transaction of its own."""
        job = job_record(job_id, url, status=status)

        def ending(connection: sqlite3.Connection) -> None:
            self.webhooks.record(connection, job, job_document(job))

        await self.database.write(ending)

    def of(self, job_id: str) -> Delivery:
        found = self.webhooks.of_job(job_id)
        assert found is not None
        return found

    async def tried(self, job_id: str, times: int) -> Delivery:
        """The delivery once it was tried so often."""
        await until(lambda: self.of(job_id).tries >= times)
        return self.of(job_id)

    async def ended(self, job_id: str, status: str) -> Delivery:
        await until(lambda: self.of(job_id).status == status)
        return self.of(job_id)

    def advance(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.webhooks.wake()


def settings_for(*receivers: Receiver) -> Settings:
    return Settings(webhook_hosts=tuple(f"127.0.0.1:{item.port}" for item in receivers))


@asynccontextmanager
async def desk(
    path: Path, *receivers: Receiver, secrets: Sequence[str] = (SECRET,), timeout_s: float = 30.0, **options: Any
) -> AsyncIterator[Desk]:
    """Webhooks over a database at `path` that may call these receivers."""
    clock = options.pop("clock", None) or Clock()
    database = Database(path, MIGRATIONS)
    webhooks = Webhooks(
        database,
        settings=settings_for(*receivers),
        secrets=secrets,
        now=clock,
        spread=lambda: 0.0,
        timeout_s=timeout_s,
        **options,
    )
    try:
        async with webhooks.running():
            yield Desk(webhooks, database, clock)
    finally:
        database.close()


async def until(condition: Any, *, timeout_s: float = 10.0) -> None:
    """Return once it is true; fail if that takes too long."""
    end_s = monotonic() + timeout_s
    while not condition():
        assert monotonic() < end_s, "it never came true"
        await asyncio.sleep(0.005)
