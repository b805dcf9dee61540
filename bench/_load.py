"""A client that sends the same POST over and over, on so many connections, and checks each answer's status."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """What came of it: answers a second, and the latencies in seconds, sorted."""

    rate: float
    latencies_s: list[float]

    def percentile_ms(self, percent: float) -> float:
        return 1000 * self.latencies_s[min(len(self.latencies_s) - 1, int(len(self.latencies_s) * percent / 100))]


async def load(
    address: str, path: str, body: bytes, headers: dict[str, str], *, count: int, connections: int
) -> Load:
    """`count` requests on `connections` that stay open. Raises RuntimeError at any answer but 202."""
    host = urlsplit(address)
    lines = [f"POST {path} HTTP/1.1", f"Host: {host.netloc}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
    shares = [count // connections + (number < count % connections) for number in range(connections)]
    begun_s = time.perf_counter()
    found = await asyncio.gather(*(_one(host.hostname or "", host.port or 80, request, share) for share in shares))
    took_s = time.perf_counter() - begun_s
    return Load(count / took_s, sorted(latency_s for latencies in found for latency_s in latencies))


async def _one(host: str, port: int, request: bytes, count: int) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    latencies = []
    try:
        for _ in range(count):
            begun_s = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(head.decode() + (await reader.read(2000)).decode())
            length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            latencies.append(time.perf_counter() - begun_s)
    finally:
        writer.close()
    return latencies
