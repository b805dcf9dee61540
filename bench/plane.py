"""The local plane with operations that do nothing: what it takes in and gives out, and what a real SDK makes of it.

python bench/plane.py [--runs N] [--quick]
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from _http import Line
from _measure import Options, heading, options, table
from apigpu_runtime.plane.environment import worker_environment

HERE = Path(__file__).parent
BODY = json.dumps({"input": {"operation": "nothing", "text": "x" * 200}}).encode()
BACKLOG = 10_000
SUBMITTERS = 32
WORKERS = 8


@dataclass(frozen=True)
class Row:
    name: str
    per_s: float
    p50_ms: float | None = None
    p99_ms: float | None = None


def main(options: Options) -> None:
    print(heading("The local plane", options))
    size = 200 if options.quick else 2000
    rounds = [asyncio.run(one_round(size)) for _ in range(options.runs)]
    rows = [
        (
            first.name,
            f"{median(row.per_s for row in same):.0f}",
            _middle([row.p50_ms for row in same]),
            _middle([row.p99_ms for row in same]),
        )
        for first, *rest in zip(*rounds, strict=True)
        for same in [[first, *rest]]
    ]
    print(table(("", "a second", "p50 ms", "p99 ms"), rows) + "\n")


async def one_round(size: int) -> list[Row]:
    backlog = BACKLOG * size // 2000
    with server() as address:
        submitted = await timed(f"submit, {SUBMITTERS} at once", address, size, SUBMITTERS, submit)
        await timed("", address, backlog - size, SUBMITTERS, submit)
        deep = await timed(f"submit, one after the other, {backlog:,} queued", address, size // 4, 1, submit)
        status = await timed("status of one job", address, size, SUBMITTERS, ask_status)
        worked = await timed(f"take and finish, {WORKERS} workers that do nothing", address, size, WORKERS, work)
    with server() as address:
        through = await through_all(address, size)
    rows = [submitted, deep, status, worked, through]
    for concurrency in (1, 2, 8):
        with server() as address:
            rows.append(await sdk(address, concurrency, max(4, size * concurrency // 200)))
    return rows


Step = Callable[[Line, str], Awaitable[None]]


async def timed(name: str, address: str, count: int, lines: int, step: Step) -> Row:
    """`count` steps, shared by so many connections."""
    latencies_ms: list[float] = []

    async def one(number: int) -> None:
        async with Line(address) as line:
            for _ in range(count // lines):
                begun_s = time.perf_counter()
                await step(line, f"w{number}")
                latencies_ms.append(1000 * (time.perf_counter() - begun_s))

    begun_s = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(lines)))
    took_s = time.perf_counter() - begun_s
    latencies_ms.sort()
    return Row(name, len(latencies_ms) / took_s, *(latencies_ms[len(latencies_ms) * p // 100] for p in (50, 99)))


async def submit(line: Line, _: str) -> None:
    status, body = await line.ask("POST", "/run", BODY)
    assert status == 200, body


async def ask_status(line: Line, worker_id: str) -> None:
    if worker_id not in known:
        _, body = await line.ask("POST", "/run", BODY)
        known[worker_id] = json.loads(body)["id"]
    status, body = await line.ask("GET", f"/status/{known[worker_id]}")
    assert status == 200, body


known: dict[str, str] = {}


async def work(line: Line, worker_id: str) -> None:
    status, body = await line.ask("GET", f"/job-take/{worker_id}?gpu=none")
    assert status == 200, body
    job_id = json.loads(body)["id"]
    status, body = await line.ask("POST", f"/job-done/{worker_id}/{job_id}?isStream=false", b'{"output": {}}')
    assert status == 200, body


async def through_all(address: str, size: int) -> Row:
    """Jobs that go through while they come in, as `/runsync` sees it."""

    async def runsync(line: Line, _: str) -> None:
        status, body = await line.ask("POST", "/runsync?wait=60000", BODY)
        assert status == 200, body
        assert b"COMPLETED" in body, body

    async def worker(number: int) -> None:
        async with Line(address) as line:
            while True:
                await work(line, f"w{number}")

    workers = [asyncio.create_task(worker(number)) for number in range(WORKERS)]
    try:
        return await timed(
            f"run and wait, {SUBMITTERS} clients, {WORKERS} workers", address, size, SUBMITTERS, runsync
        )
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def sdk(address: str, concurrency: int, size: int) -> Row:
    """From the first result to the last, with a worker of the stock SDK that has started before."""
    async with Line(address) as line, sdk_worker(address, concurrency):
        await finished(line, await run(line))
        begun_s = time.perf_counter()
        jobs = [await run(line) for _ in range(size)]
        for job_id in jobs:
            await finished(line, job_id)
        return Row(f"stock SDK worker, {concurrency} at a time", size / (time.perf_counter() - begun_s))


async def run(line: Line) -> str:
    _, body = await line.ask("POST", "/run", BODY)
    return str(json.loads(body)["id"])


async def finished(line: Line, job_id: str) -> None:
    _, body = await line.ask("GET", f"/status-sync/{job_id}?wait=120000")
    assert b"COMPLETED" in body, body


@asynccontextmanager
async def sdk_worker(address: str, concurrency: int) -> AsyncIterator[None]:
    environ = worker_environment(address) | {
        "CONCURRENCY": str(concurrency),
        "RUNPOD_POD_ID": "stock",
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
        "RUNPOD_LOG_LEVEL": "ERROR",
    }
    with started([sys.executable, str(HERE / "_echo_worker.py")], environ):
        yield


@contextmanager
def server() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        known.clear()
        with started([sys.executable, str(HERE / "_plane_server.py"), folder], {}) as process:
            assert process.stdout is not None
            yield process.stdout.readline().decode().strip()


@contextmanager
def started(command: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, 9)


def _middle(values: list[float | None]) -> str:
    known_ms = [value for value in values if value is not None]
    return f"{median(known_ms):.1f}" if known_ms else ""


if __name__ == "__main__":
    main(options(__doc__, runs=3))
