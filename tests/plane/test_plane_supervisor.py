"""Workers of one machine: on demand, ended when idle, replaced when they die, none left behind."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import LIGHT_WORKER, Served, eventually, served_plane, server_process, workers_on_demand

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_plane(tmp_path, Behaviour(rate_limits={})) as served:
        yield served


def alive(pid: int) -> bool:
    """Whether it still does something: one that has ended may wait to be taken note of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_no_worker_without_a_job_and_none_after_the_idle_timeout(plane: Served) -> None:
    async with workers_on_demand(plane, LIGHT_WORKER, idle_timeout_s=0.5, max_workers=2) as supervisor:
        assert supervisor.worker_pids() == {}
        first = await plane.run()
        assert (await plane.http.get("/health")).json()["workers"]["initializing"] in (0, 1)
        pid = (await plane.until(first, "COMPLETED"))["output"]["pid"]
        second = await plane.run()
        assert (await plane.until(second, "COMPLETED"))["output"]["pid"] == pid
        await eventually(lambda: supervisor.worker_pids() == {})
        assert not alive(pid)
    assert not [line for line in plane.said if "ended" in line]


async def test_as_many_workers_as_jobs_up_to_the_limit(plane: Served) -> None:
    async with workers_on_demand(plane, LIGHT_WORKER, max_workers=2) as supervisor:
        jobs = [await plane.run({"sleep_s": 0.5}) for _ in range(3)]
        done = [await plane.until(job_id, "COMPLETED") for job_id in jobs]
        assert len({status["output"]["pid"] for status in done}) == 2
        pids = list(supervisor.worker_pids().values())
    assert not any(alive(pid) for pid in pids)


async def test_a_worker_that_asks_for_it_is_replaced(plane: Served) -> None:
    async with workers_on_demand(plane, LIGHT_WORKER):
        first = (await plane.until(await plane.run({"refresh": True}), "COMPLETED"))["output"]["pid"]
        await eventually(lambda: not alive(first))
        assert (await plane.until(await plane.run(), "COMPLETED"))["output"]["pid"] != first


async def test_a_crash_loop_is_told_with_its_last_lines_and_pauses(plane: Served) -> None:
    broken = [sys.executable, "-c", "import sys; print('no usable FFmpeg'); sys.exit(7)"]
    async with workers_on_demand(plane, broken) as supervisor:
        await plane.run()

        async def told() -> str:
            health = (await plane.http.get("/health")).json()
            return str(health.get("reason", "")) if health["workers"]["unhealthy"] else ""

        reason = await eventually(told)
        assert "ended with exit status 7" in reason
        assert "no usable FFmpeg" in reason
        await eventually(lambda: len(starts(plane)) >= 2)
        assert len(starts(plane)) == 2  # a second apart, then two
        await eventually(lambda: supervisor.worker_pids() == {})


def starts(plane: Served) -> list[str]:
    return [line for line in plane.said if "no usable FFmpeg" in line]


async def test_a_program_that_cannot_be_started_is_told(plane: Served) -> None:
    async with workers_on_demand(plane, ["/nowhere/worker"]):
        await plane.run()
        await eventually(lambda: "/nowhere/worker is not there" in plane.plane.health().get("reason", ""))


async def test_ending_stops_a_running_job_which_waits_for_the_next_start(plane: Served, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    async with workers_on_demand(plane, LIGHT_WORKER, stop_grace_s=0.5) as supervisor:
        job_id = await plane.run({"touch": str(marker), "sleep_s": 60})
        await eventually(marker.exists)
        pids = list(supervisor.worker_pids().values())
    assert not any(alive(pid) for pid in pids)
    status = await plane.status(job_id)
    assert (status["status"], "retries" in status) == ("IN_QUEUE", False)


async def test_children_of_a_killed_worker_in_groups_of_their_own_die_with_it(plane: Served, tmp_path: Path) -> None:
    note = tmp_path / "child"
    child = f"import os, time; open({str(note)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-uc', {child!r}], start_new_session=True)"
    async with workers_on_demand(plane, [sys.executable, "-c", parent]) as supervisor:
        await plane.run()
        await eventually(lambda: note.exists() and note.read_text())
        pid = int(note.read_text())
        os.kill(next(iter(supervisor.worker_pids().values())), signal.SIGKILL)
        await eventually(lambda: not alive(pid))


async def test_workers_of_a_killed_serving_process_are_gone_and_their_jobs_run_again(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    async with server_process(tmp_path, max_workers=1) as (http, process):
        body = {"input": {"touch": str(marker), "sleep_s": 0.5}}
        job_id = (await http.post("/run", json=body)).json()["id"]
        await eventually(lambda: marker.exists() and marker.read_text())
        process.kill()
        await process.wait()
    async with server_process(tmp_path, max_workers=1) as (http, _):

        async def completed() -> bool:
            return bool((await http.get(f"/status/{job_id}")).json()["status"] == "COMPLETED")

        await eventually(completed)
        first, second = (int(line) for line in marker.read_text().split())
        await eventually(lambda: not alive(first))
        assert second != first
