"""What `apigpu serve` takes from exec until it says that it is ready, and until it has answered its first request.

Seconds on the clock, with a data folder that is new each time. Limit: 2 s until it is ready.

python bench/serve_start.py [--runs N]
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from _apigpu import APIGPU
from _measure import Options, heading, options, table, verdict
from worker_start import cpu_s_of_group

LIMIT_S = 2.0


@dataclass(frozen=True)
class Start:
    ready_s: float
    answered_s: float
    cpu_s: float


def main(options: Options) -> None:
    print(heading("Starting a server", options))
    starts = [start() for _ in range(options.runs)]
    rows = []
    for name, seconds in (
        ("ready", [item.ready_s for item in starts]),
        ("first answer (/operations)", [item.answered_s for item in starts]),
        ("CPU until then", [item.cpu_s for item in starts]),
    ):
        limit = verdict(median(seconds), LIMIT_S) if name == "ready" else ""
        rows.append((name, f"{median(seconds):.2f}", f"{min(seconds):.2f} to {max(seconds):.2f}", limit))
    print(table(("", "s", "lowest to highest", "limit"), rows))


def start() -> Start:
    with TemporaryDirectory(prefix="apigpu-bench-") as name:
        argv = [str(APIGPU), "serve", "--port", "0", "--data-dir", str(Path(name) / "data")]
        begun = time.perf_counter()
        with subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        ) as process:
            assert process.stdout is not None
            try:
                address = process.stdout.readline().split()[-1]
                ready_s = time.perf_counter() - begun
                urllib.request.urlopen(f"{address}/operations", timeout=10).read()
                return Start(ready_s, time.perf_counter() - begun, cpu_s_of_group(process.pid))
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.stdout.close()


if __name__ == "__main__":
    main(options(__doc__, runs=9))
