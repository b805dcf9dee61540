"""A worker of the stock SDK that does nothing, CONCURRENCY jobs at a time."""

from __future__ import annotations

import os
from typing import Any

import runpod


async def handle(job: dict[str, Any]) -> dict[str, Any]:
    return {"echo": job["input"]}


concurrency = int(os.environ["CONCURRENCY"])
runpod.serverless.start({"handler": handle, "concurrency_modifier": lambda _: concurrency})
