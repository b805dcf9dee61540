"""Bodies over a real connection: too slow, too large, cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from apigpu.registry import Registry
from apigpu_runtime.proxy.bodies.receiving import Pace
from bodies_support import MemoryStorage, body_app

pytestmark = pytest.mark.anyio

IMPATIENT = Pace(stall_s=0.2, grace_s=0.4, least_bytes_per_s=10_000)
HEAD = b'--b\r\nContent-Disposition: form-data; name="url_video"; filename="v.mp4"\r\n\r\n'


@asynccontextmanager
async def server(storage: MemoryStorage, pace: Pace = IMPATIENT) -> AsyncIterator[int]:
    app = body_app(Registry.discover(), storage=storage, pace=pace, max_json_bytes=100_000, max_upload_bytes=1 << 20)
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    try:
        async with asyncio.timeout(20):
            while not running.started:
                await asyncio.sleep(0.01)
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        await task


async def send(port: int, headers: dict[str, str], *pieces: bytes, pause_s: float = 0.0, end: bool = True) -> str:
    """What is answered to a body in pieces, with a pause before each; the connection is cut if there is no `end`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST /video/caption HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
    answer = asyncio.create_task(reader.read(65536))
    try:
        for piece in pieces:
            await asyncio.sleep(pause_s)
            if answer.done():
                break
            writer.write(piece)
            await writer.drain()
        if not end:
            writer.write_eof()
        async with asyncio.timeout(10):
            return (await answer).decode()
    finally:
        answer.cancel()
        writer.close()


def code_of(answer: str) -> tuple[str, str]:
    return answer.split(" ", 2)[1], json.loads(answer.partition("\r\n\r\n")[2])["code"]


async def test_a_client_that_falls_silent_is_given_up() -> None:
    storage = MemoryStorage()
    async with server(storage) as port:
        headers = {"Content-Type": "application/json", "Content-Length": "1000"}
        assert code_of(await send(port, headers, b'{"url')) == ("408", "body_too_slow")
        headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "1000"}
        assert code_of(await send(port, headers, HEAD + b"video")) == ("408", "body_too_slow")
    assert not storage.objects


async def test_a_client_that_sends_byte_by_byte_is_given_up() -> None:
    async with server(MemoryStorage()) as port:
        headers = {"Content-Type": "application/json", "Content-Length": "1000"}
        drops = [b" "] * 200
        assert code_of(await send(port, headers, *drops, pause_s=0.02)) == ("408", "body_too_slow")


async def test_a_body_that_says_that_it_is_too_large_is_refused_unread() -> None:
    async with server(MemoryStorage()) as port:
        headers = {"Content-Type": "application/json", "Content-Length": str(10**12)}
        answer = await send(port, headers)
        assert code_of(answer) == ("413", "too_large")
        assert "connection: close" in answer.lower()


async def test_a_body_without_a_length_is_refused_once_it_is_too_large() -> None:
    storage = MemoryStorage()
    async with server(storage) as port:
        headers = {"Content-Type": "video/mp4", "Transfer-Encoding": "chunked"}
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        answer = await send(port, headers, *[piece] * 40, pause_s=0.001)
        assert code_of(answer) == ("413", "too_large")
    assert not storage.objects


async def test_a_connection_that_is_cut_leaves_nothing_behind() -> None:
    storage = MemoryStorage()
    async with server(storage) as port:
        headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "100000"}
        await send(port, headers, HEAD + b"x" * 5000, end=False)
        headers = {"Content-Type": "application/json", "Content-Length": "2"}
        assert code_of(await send(port, headers, b"{}"))[1] == "invalid_input"
    assert not storage.objects


async def test_a_huge_number_as_length_is_no_number_of_bytes() -> None:
    async with server(MemoryStorage()) as port:
        headers = {"Content-Type": "application/json", "Content-Length": "9" * 19}
        assert code_of(await send(port, headers)) == ("413", "too_large")
