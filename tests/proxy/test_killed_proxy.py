"""A proxy that is killed in the middle loses nothing that it has answered for."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proxy_support import FakeEndpoint, proxy

pytestmark = pytest.mark.anyio

# Takes jobs and hands them to an endpoint that takes every second one, telling each on a line, until it is killed.
VICTIM = """
import asyncio, sys
from pathlib import Path
from apigpu_runtime.backend import BackendError
from proxy_support import FakeEndpoint, proxy

class Moody(FakeEndpoint):
    async def run(self, document, *, job_id, policy=None):
        if self.runs % 2:
            self.runs += 1
            raise BackendError("not now", retryable=True)
        return await super().run(document, job_id=job_id, policy=policy)

async def main():
    async with proxy(Path(sys.argv[1]), Moody()) as api:
        while True:
            print("accepted", (await api.queued())["id"], flush=True)

asyncio.run(main())
"""


async def test_every_job_that_was_answered_is_done_after_the_restart(tmp_path: Path) -> None:
    accepted = _killed_after(tmp_path / "db", jobs=40)
    # The endpoint forgot all, as after its own loss: jobs that it had must be handed in again.
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True, first_number=1000), announced=True) as api:
        ended = [await api.ended(job_id) for job_id in accepted]
    assert {job.status for job in ended} == {"COMPLETED"}
    finished = [job.id for job in api.finished]
    assert len(finished) == len(set(finished))
    assert set(accepted) <= set(finished)


def _killed_after(path: Path, *, jobs: int) -> list[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
    )
    assert process.stdout is not None
    try:
        lines = (line.split() for line in process.stdout)
        accepted = (line[1] for line in lines if line[:1] == ["accepted"])
        return list(itertools.islice(accepted, jobs))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
