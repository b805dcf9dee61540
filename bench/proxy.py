"""Taking a job: `apigpu serve` against a bare route that only validates the model and writes the row. Limit: 0.7x.

python bench/proxy.py [--runs N]
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from _load import Load, load
from _measure import Options, heading, note, options, table

LIMIT = 0.7
CONNECTIONS = 32
SERVER = Path(__file__).parent / "_proxy_server.py"
LAYERS = Path(__file__).parent / "_proxy_layers.py"
REQUEST = {"url_video": "https://example.com/talk.mp4", "url_srt": "https://example.com/talk.srt"}
KINDS = {
    "bare": "a bare route",
    "path": "the submit path",
    "idle": "the whole of `apigpu serve`",
    "keyed": "the same, with an API key",
    "taking": "the same, and an endpoint that takes each job",
}


@dataclass(frozen=True)
class Taken:
    load: Load
    cpu_ms: float
    """CPU of the whole server process per request."""


def main(options: Options) -> None:
    print(heading("Proxy: taking a job", options))
    count = 500 if options.quick else 4000
    rounds: dict[str, list[Taken]] = {kind: [] for kind in KINDS}
    for number in range(options.runs):
        for kind in KINDS:
            taken = take(kind, count)
            note(f"round {number + 1} of {options.runs}: {kind}: {taken.load.rate:.0f}/s, {taken.cpu_ms:.3f} ms")
            rounds[kind].append(taken)
    print(f"{count} requests a round on {CONNECTIONS} connections, `Prefer: respond-async`, from another process.\n")
    print(compared(rounds))
    print(layers(320 if options.quick else 3200))


def layers(requests: int) -> str:
    """Where the CPU of a request goes: each layer alone in a process, without a socket."""
    done = subprocess.run([sys.executable, LAYERS, str(requests)], stdout=subprocess.PIPE, check=True, timeout=300)
    found: dict[str, float] = json.loads(done.stdout)
    befores = [0.0, *found.values()]
    pairs = zip(found.items(), befores, strict=False)
    rows = [(name, f"{cpu:.3f}", f"{cpu - before:+.3f}") for (name, cpu), before in pairs]
    return table(("in one process, without a socket", "CPU ms", "more"), rows) + "\n"


def compared(rounds: dict[str, list[Taken]]) -> str:
    rows = []
    for kind, name in KINDS.items():
        taken, base = rounds[kind], rounds["bare"]
        ratios = [a.load.rate / b.load.rate for a, b in zip(taken, base, strict=True)]
        cpu = [a.cpu_ms / b.cpu_ms for a, b in zip(taken, base, strict=True)]
        told = f">= {LIMIT:g}: {'kept' if median(ratios) >= LIMIT else 'MISSED'}" if kind == "path" else ""
        rows.append(
            (
                name,
                f"{median(item.load.rate for item in taken):.0f}",
                f"{median(ratios):.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
                f"{median(item.cpu_ms for item in taken):.2f}",
                f"{median(cpu):.2f}",
                f"{median(item.load.percentile_ms(50) for item in taken):.1f}",
                f"{median(item.load.percentile_ms(99) for item in taken):.1f}",
                told,
            )
        )
    head = ("", "requests/s", "x bare", "lowest to highest", "CPU ms", "x bare", "p50 ms", "p99 ms", "limit")
    return table(head, rows) + "\n"


def take(kind: str, count: int) -> Taken:
    with TemporaryDirectory(prefix="apigpu-bench-") as name, serving(kind, Path(name) / "data") as (address, headers):
        body = json.dumps(REQUEST).encode()

        def send(number: int) -> Load:
            return asyncio.run(load(address, "/video/caption", body, headers, count=number, connections=CONNECTIONS))

        send(200)
        before_s = cpu_s(address, headers)
        found = send(count)
        return Taken(found, 1000 * (cpu_s(address, headers) - before_s) / count)


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a server, and the headers to send it."""
    child = subprocess.Popen([sys.executable, SERVER, kind, folder], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        address = child.stdout.readline().strip()
        if not address.startswith("http"):
            raise RuntimeError(f"the server {kind} did not start")
        headers = {"Prefer": "respond-async"}
        if (folder / "key").exists():
            headers["X-API-Key"] = (folder / "key").read_text()
        yield address, headers
    finally:
        child.terminate()
        child.communicate(timeout=30)


def cpu_s(address: str, headers: dict[str, str]) -> float:
    with urlopen(Request(f"{address}/cpu", headers=headers), timeout=30) as answer:
        return float(json.load(answer)["cpu_s"])


if __name__ == "__main__":
    main(options(__doc__, runs=5))
