"""A process that is killed in the middle of deliveries loses none of them."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from webhook_support import Receiver, receiver

pytestmark = pytest.mark.anyio

JOBS = 60

# Ends its jobs, each in a transaction of its own, and delivers until it is killed.
PROGRAM = """
import asyncio, sys
from pathlib import Path
from apigpu_runtime.database import Database
from apigpu_runtime.proxy.webhooks import MIGRATIONS, Webhooks
from apigpu_runtime.settings import Settings
from webhook_support import SECRET, job_document, job_record

path, url, host, first, last = sys.argv[1:]

async def main():
    database = Database(Path(path), MIGRATIONS)
    webhooks = Webhooks(database, settings=Settings(webhook_hosts=(host,)), secrets=(SECRET,))
    async with webhooks.running():
        for number in range(int(first), int(last)):
            job = job_record(f"j{number}", url)
            await database.write(lambda connection: webhooks.record(connection, job, job_document(job)))
        print("ended", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def started(path: Path, there: Receiver, first: int, last: int) -> asyncio.subprocess.Process:
    words = (str(path), there.url, f"127.0.0.1:{there.port}", str(first), str(last))
    folder = str(Path(__file__).parents[1])
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *words, stdout=asyncio.subprocess.PIPE, cwd=folder
    )


async def killed(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await asyncio.wait_for(process.communicate(), 10)


async def test_each_job_that_has_ended_is_told_although_the_process_is_killed_again_and_again(tmp_path: Path) -> None:
    async with receiver() as there:
        for run in range(3):
            process = await started(tmp_path / "jobs", there, run * JOBS // 3, (run + 1) * JOBS // 3)
            try:
                assert process.stdout is not None
                async with asyncio.timeout(30):
                    while await process.stdout.readline() != b"ended\n":
                        pass
                    while len(there.messages) < (run * JOBS // 3) + 8:
                        await asyncio.sleep(0.002)
            finally:
                await killed(process)
        process = await started(tmp_path / "jobs", there, 0, 0)
        try:
            async with asyncio.timeout(30):
                while len({message.body for message in there.messages}) < JOBS:
                    await asyncio.sleep(0.01)
        finally:
            await killed(process)
    told = Counter(message.headers["x-webhook-jobid"] for message in there.messages)
    assert set(told) == {f"j{number}" for number in range(JOBS)}
    # Those cut off between the answer and its note come again, under the same id: at most four at each kill.
    assert sum(told.values()) - JOBS <= 3 * 4
    assert len({message.headers["webhook-id"] for message in there.messages}) == JOBS
