"""What a worker takes from exec to its first job's result: the stock SDK worker against apigpu's, with the same echo.

CPU seconds of the whole process tree, from exec until the result has arrived; what comes after, the end of the
process, counts for neither. Limit: half of the stock worker's. Beside it, for the record, the real `apigpu worker`
with a dry run of img2vid: it loads every plugin, examines the machine, fetches a photo and plans a video.

python bench/worker_start.py [--runs N]
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from threading import Thread
from typing import Any

from _apigpu import APIGPU
from _inputs import photo
from _job_queue import DEADLINE_S, queue_with
from _measure import Options, heading, note, options, table, verdict

LIMIT = 0.5
STOCK = """
import runpod
async def handler(job):
    return {"echo": job["input"]}
runpod.serverless.start({"handler": handler})
"""
OURS = """
import os
from apigpu_runtime.worker.sdk import Sdk
async def handler(job):
    return {"echo": job["input"]}
Sdk(dict(os.environ)).serve(handler)
"""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Start:
    cpu_s: float
    wall_s: float


def main(options: Options) -> None:
    print(heading("Starting a worker: from exec to the first job's result", options))
    with served(photo("coast", 14.0)) as url:
        dry_run = {"operation": "img2vid", "url_image": url, "frame_rate": 30, "dry_run": True}
        trusted = {"APIGPU_TRUSTED_URLS": url.rpartition("/")[0], "APIGPU_TARGET": "cpu"}
        cases: dict[str, partial[Start]] = {
            "stock SDK, echo": partial(start, [sys.executable, "-c", STOCK], {"text": "hello"}, {}),
            "apigpu's door to the SDK, echo": partial(start, [sys.executable, "-c", OURS], {"text": "hello"}, {}),
            "apigpu worker, a dry run": partial(start, [str(APIGPU), "worker"], dry_run, trusted),
        }
        rounds: dict[str, list[Start]] = {name: [] for name in cases}
        for number in range(options.runs):
            for name, run in cases.items():
                rounds[name].append(run())
                note(f"round {number + 1} of {options.runs}: {name}: {rounds[name][-1].cpu_s:.2f} CPU s")
    print(told(rounds))


def told(rounds: Mapping[str, Sequence[Start]]) -> str:
    base = next(iter(rounds))
    rows = []
    for number, (name, starts) in enumerate(rounds.items()):
        ratios = [one.cpu_s / other.cpu_s for one, other in zip(starts, rounds[base], strict=True)]
        cpu_s, wall_s = median(one.cpu_s for one in starts), median(one.wall_s for one in starts)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}" if number else ""
        ratio = f"{median(ratios):.2f}" if number else "1"
        limit = verdict(median(ratios), LIMIT) if number == 1 else ""
        rows.append((name, f"{cpu_s:.2f}", f"{wall_s:.2f}", ratio, spread, limit))
    return table(("", "CPU s", "wall s", f"x {base}", "lowest to highest", "limit"), rows) + "\n"


def start(argv: Sequence[str], job: Mapping[str, Any], environ: Mapping[str, str]) -> Start:
    """One worker, from exec to the result."""
    with queue_with(job) as (queue, url), TemporaryFile() as log:
        begun = time.perf_counter()
        env = {**os.environ, **queue.environ(url), **environ}
        worker = subprocess.Popen(argv, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            is_done = queue.done.wait(DEADLINE_S)
            cpu_s = cpu_s_of_group(worker.pid)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        if not is_done or "error" in queue.result:
            log.seek(0)
            raise RuntimeError(f"{argv[0]} gave no result: {queue.result}\n{log.read().decode()[-2000:]}")
        return Start(cpu_s, queue.done_at - begun)


def cpu_s_of_group(group: int) -> float:
    """User and system time of the group's processes, and of the children that they have waited for."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


class served:
    """The address of one file, over HTTP on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(self._path.parent)))
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


if __name__ == "__main__":
    main(options(__doc__, runs=9))
