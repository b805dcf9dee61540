"""HTTP over one connection that stays open, as little as a measurement needs."""

from __future__ import annotations

import asyncio
from types import TracebackType
from urllib.parse import urlsplit


class Line:
    def __init__(self, address: str) -> None:
        self._host = urlsplit(address)

    async def __aenter__(self) -> Line:
        self._reader, self._writer = await asyncio.open_connection(self._host.hostname, self._host.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The status and the body of the answer."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(answer.split(b" ", 2)[1])
        if b"content-length:" not in answer:
            return status, b""
        length = int(answer.split(b"content-length:")[1].split(b"\r\n")[0])
        return status, await self._reader.readexactly(length)
