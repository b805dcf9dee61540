"""RunPod's webhook: one POST with the whole job, three tries, none lost by a restart."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from apigpu_runtime.plane.behaviour import Behaviour
from apigpu_runtime.plane.plane import Plane
from apigpu_runtime.plane.submission import read_submission
from plane_support import Served, eventually, listening, served_plane

pytestmark = pytest.mark.anyio
QUICK = Behaviour(take_hold_s=0.2, webhook_pause_s=0.05, webhook_timeout_s=0.3, rate_limits={})


@dataclass
class Receiver:
    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses of the next answers; 0 hangs. Then 200."""
    calls: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        self.calls.append(json.loads(await request.body()))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            await asyncio.sleep(1)
        return RedirectResponse(f"{self.url}/elsewhere") if status == 307 else Response(status_code=status)


@asynccontextmanager
async def receiver(*answers: int) -> AsyncIterator[Receiver]:
    found = Receiver(answers=list(answers))
    app = Starlette(routes=[Route("/hook", found.receive, methods=["POST"])])
    async with listening(app) as address:
        found.url = address
        yield found


async def run_to_the_end(plane: Served, hook: str, **report: Any) -> str:
    job_id = await plane.run({"text": "in"}, webhook=hook)
    job = await plane.take()
    assert job is not None
    assert job["webhook"] == hook
    await plane.done(job_id, **report)
    return job_id


async def test_the_finished_job_is_posted_with_its_input(tmp_path: Path) -> None:
    async with receiver() as hook, served_plane(tmp_path, QUICK) as plane:
        url = f"{hook.url}/hook?token=t"
        job_id = await run_to_the_end(plane, url, output={"text": "out"})
        await eventually(lambda: hook.calls)
        call = hook.calls[0]
        assert call.pop("delayTime") >= 0
        assert call.pop("executionTime") >= 0
        assert call == {
            "id": job_id,
            "input": {"text": "in"},
            "output": {"text": "out"},
            "status": "COMPLETED",
            "webhook": url,
        }


async def test_there_are_three_tries_and_no_more(tmp_path: Path) -> None:
    async with receiver(500, 307, 0, 500) as hook, served_plane(tmp_path, QUICK) as plane:
        await run_to_the_end(plane, f"{hook.url}/hook", error="no")
        await eventually(lambda: len(hook.calls) == 3)
        await run_to_the_end(plane, f"{hook.url}/hook", output=1)  # told after those, so nothing of the first is left
        await eventually(lambda: hook.calls[-1]["status"] == "COMPLETED")
        assert [call["status"] for call in hook.calls[:3]] == ["FAILED"] * 3
        assert hook.calls[0]["error"] == "no"
        assert len([call for call in hook.calls if call["status"] == "FAILED"]) == 3


async def test_a_webhook_still_to_be_told_survives_a_restart_and_the_forgetting_of_its_job(tmp_path: Path) -> None:
    slow = Behaviour(take_hold_s=0.2, webhook_pause_s=2, keep_run_s=0.1, rate_limits={})
    async with receiver(500) as hook:
        async with served_plane(tmp_path, slow) as plane:
            job_id = await run_to_the_end(plane, f"{hook.url}/hook", output="kept")
            await eventually(lambda: hook.calls)
        async with served_plane(tmp_path, slow) as plane:
            assert (await plane.http.get(f"/status/{job_id}")).status_code == 404
            await eventually(lambda: len(hook.calls) == 2)
            assert hook.calls[1]["output"] == "kept"


async def test_a_receiver_that_hangs_does_not_hold_up_the_others(tmp_path: Path) -> None:
    patient = Behaviour(take_hold_s=0.2, webhook_timeout_s=5, rate_limits={})
    async with receiver(0) as hanging, receiver() as quick, served_plane(tmp_path, patient) as plane:
        await run_to_the_end(plane, f"{hanging.url}/hook", output=1)
        await eventually(lambda: hanging.calls)
        await run_to_the_end(plane, f"{quick.url}/hook", output=2)
        await eventually(lambda: quick.calls, within_s=0.9)


async def test_a_webhook_does_not_reach_into_the_private_network(tmp_path: Path) -> None:
    async with receiver() as hook:
        plane = Plane(tmp_path / "plane.sqlite3", behaviour=QUICK)
        async with plane.running():
            body = json.dumps({"input": {}, "webhook": f"{hook.url}/hook"}).encode()
            job_id = await plane.submit(read_submission(body, QUICK, sync=False))
            await plane.cancel(job_id)
            await eventually(lambda: pending_webhooks(tmp_path) == 0)
        assert hook.calls == []


def pending_webhooks(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "plane.sqlite3")) as connection:
        count: int = connection.execute("SELECT count(*) FROM webhooks").fetchone()[0]
    return count
