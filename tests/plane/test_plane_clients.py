"""RunPod's official clients, unchanged, against the plane with a worker of the stock SDK."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import CLIENT_KEY, SDK_WORKER, Served, served_plane, workers_on_demand

pytestmark = pytest.mark.anyio
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Served]:
    async with (
        served_plane(tmp_path, Behaviour(stream_hold_s=2)) as served,
        workers_on_demand(served, SDK_WORKER, environ={"TEST_CONCURRENCY": "2"}),
    ):
        yield served


PYTHON = [sys.executable, str(TESTS / "plane_python_client.py")]


def javascript() -> list[str]:
    node = shutil.which("node")
    if node is None or not (TESTS / "js" / "node_modules" / "runpod-sdk").is_dir():
        pytest.skip("no node, or tests/js/node_modules is missing: run npm ci in tests/js")
    return [node, str(TESTS / "js" / "client.mjs")]


async def facts_of(plane: Served, program: list[str], *more: str) -> dict[str, Any]:
    """What a client program finds out, as JSON on its output."""
    base = plane.url.removesuffix("/local")
    process = await asyncio.create_subprocess_exec(
        *program, base, CLIENT_KEY, *more, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    facts: dict[str, Any] = json.loads(out)
    return facts


async def test_the_python_client(plane: Served) -> None:
    facts = await facts_of(plane, PYTHON)

    assert facts["sync"]["echo"] == {"text": "sync"}
    assert facts["status at first"] in {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}
    assert facts["output"]["echo"] == {"text": "async"}
    assert facts["status at last"] == "COMPLETED"
    assert facts["failed"] == [{"tried": True}, "FAILED"]
    assert (facts["cancel"], facts["cancelled"]) == ("CANCELLED", "CANCELLED")
    assert facts["health"]["jobs"]["failed"] == 1
    assert facts["purge"] == {"removed": 0, "status": "completed"}
    assert facts["async"]["echo"] == {"text": "asyncio"}
    assert facts["failures"][0].startswith("RuntimeError: 401 Unauthorized")
    assert facts["failures"][1].startswith("HTTPError: 404")


async def test_the_javascript_client(plane: Served) -> None:
    facts = await facts_of(plane, javascript())

    assert facts["sync"]["succeeded"] is True
    assert facts["sync"]["output"]["echo"] == {"text": "sync"}
    assert facts["started"]["status"] == "IN_QUEUE"
    assert facts["finished"]["output"]["echo"]["text"] == "async"
    assert (facts["status"]["completed"], facts["status"]["succeeded"]) == (True, True)
    assert facts["cancelled"]["status"] == "CANCELLED"
    assert facts["cancelledStatus"]["completed"] is True
    assert set(facts["health"]["workers"]) == {"idle", "initializing", "ready", "running", "throttled", "unhealthy"}
    assert facts["purged"] == {"removed": 0, "status": "completed"}
    assert facts["failures"] == {"unknown": 404, "unauthorized": 401}


async def test_both_clients_read_a_stream(tmp_path: Path) -> None:
    numbers = [{"number": number} for number in range(3)]
    async with (
        served_plane(tmp_path, Behaviour(stream_hold_s=2)) as plane,
        workers_on_demand(plane, SDK_WORKER, environ={"TEST_CONCURRENCY": "2", "TEST_STREAM": "1"}),
    ):
        python, node = await asyncio.gather(
            facts_of(plane, PYTHON, "stream"), facts_of(plane, javascript(), "stream")
        )
    assert python == node == {"chunks": numbers}
