"""The receivers that the documents show take what is sent, and nothing else."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import httpx2
import pytest

from webhook_support import SECRET, Clock, Receiver, desk

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "webhooks"
PAGE = ROOT / "docs" / "webhooks.md"
MODULES = ROOT / "tests" / "js" / "node_modules"


def python() -> list[str]:
    return [sys.executable, str(EXAMPLES / "receiver.py")]


def javascript() -> list[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    if not (MODULES / "standardwebhooks").is_dir():
        pytest.skip("no standardwebhooks for node here: npm ci in tests/js")
    return [node, str(EXAMPLES / "receiver.cjs")]


@asynccontextmanager
async def running(words: list[str]) -> AsyncIterator[tuple[Receiver, asyncio.subprocess.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *words,
        str(port),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "WEBHOOK_SECRET": SECRET, "NODE_PATH": str(MODULES)},
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        writer.close()
        await writer.wait_closed()
        yield Receiver([], port), process
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.parametrize("words", [python, javascript])
async def test_a_receiver_as_shown_takes_a_message_of_ours_and_refuses_any_other(
    tmp_path: Path, words: object
) -> None:
    assert callable(words)
    async with running(words()) as (there, process), desk(tmp_path / "jobs", there, clock=Clock(time())) as here:
        await here.finish("j1", there.url)
        delivery = await here.ended("j1", "delivered")
        assert delivery.http_status == 204
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 10)
        assert line.decode().split()[:2] == ["job.completed", "j1"]
        async with httpx2.AsyncClient() as client:
            headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time())), "webhook-signature": "v1,AAAA"}
            assert (await client.post(there.url, content=delivery.body, headers=headers)).status_code == 401


@pytest.mark.parametrize("name", ["receiver.py", "receiver.cjs"])
def test_the_page_shows_the_very_files(name: str) -> None:
    assert (EXAMPLES / name).read_text(encoding="utf-8") in PAGE.read_text(encoding="utf-8")
