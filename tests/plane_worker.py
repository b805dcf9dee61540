"""A worker of the stock SDK whose jobs say what to do: run as a program, with RUNPOD_* in the environment.

Only what costs time is left out: the SDK asks the processor for its name at import, with a sleep of a second.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from types import ModuleType
from typing import Any

cpuinfo = ModuleType("cpuinfo")
cpuinfo.get_cpu_info = lambda: {"brand_raw": "none"}  # type: ignore[attr-defined]
sys.modules["cpuinfo"] = cpuinfo

import runpod  # noqa: E402

together = 0
most_together = 0


async def handle(job: dict[str, Any]) -> Any:
    global together, most_together
    wish = job["input"]
    together += 1
    most_together = max(most_together, together)
    try:
        return await fulfil(job, wish)
    finally:
        together -= 1


async def fulfil(job: dict[str, Any], wish: dict[str, Any]) -> Any:
    if "touch" in wish:
        with open(wish["touch"], "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    for number in range(wish.get("progress", 0)):
        runpod.serverless.progress_update(job, {"step": number})
        await asyncio.sleep(0.05)
    if "die" in wish and not os.path.exists(wish["die"]):
        with open(wish["die"], "w", encoding="utf-8"):
            os.kill(os.getpid(), signal.SIGKILL)
    if "sleep_s" in wish:
        await asyncio.sleep(wish["sleep_s"])
    if "raise" in wish:
        raise ValueError(wish["raise"])
    if "error" in wish:
        return {"error": wish["error"], "tried": True}
    if "bytes" in wish:
        return {"text": "x" * wish["bytes"]}
    if wish.get("refresh"):
        return {"refresh_worker": True, "pid": os.getpid()}
    return {"echo": wish, "pid": os.getpid(), "together": most_together}


async def stream(job: dict[str, Any]) -> Any:
    for number in range(job["input"]["count"]):
        yield {"number": number}
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    concurrency = int(os.environ.get("TEST_CONCURRENCY", "1"))
    runpod.serverless.start(
        {
            "handler": stream if os.environ.get("TEST_STREAM") else handle,
            "concurrency_modifier": lambda _: concurrency,
            "return_aggregate_stream": True,
        }
    )
