"""A worker of toy jobs behind the real door to the SDK: `{"do": ..., ...}`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from apigpu.errors import ApiGpuError, InputError
from apigpu_runtime.envelope import Failure
from apigpu_runtime.worker.loop import Stopping
from apigpu_runtime.worker.returns import guarded
from apigpu_runtime.worker.sdk import Sdk


async def handle(job: dict[str, Any]) -> dict[str, Any]:
    what = job["input"]
    match what["do"]:
        case "sleep":
            begun = time.monotonic()
            await asyncio.sleep(what["seconds"])
            return {"begun": begun, "ended": time.monotonic(), "pid": os.getpid()}
        case "exit":
            sys.exit(3)
        case "raise":
            raise RuntimeError(f"broken with {what['secret']}")
        case "refuse":
            raise InputError("is wrong.", code="invalid_input", where="field")
        case "cancel":
            raise asyncio.CancelledError
        case "object":
            return {"object": object()}
        case "nan":
            return {"number": float("nan")}
        case "surrogate":
            return {"text": "\udcff"}
        case "big":
            return {"text": "x" * 1_100_000}
        case "block":
            time.sleep(what["seconds"])
    return {"echo": what}


def main() -> None:
    sdk = Sdk(dict(os.environ))
    stopping = Stopping()

    def fail(job: dict[str, Any], error: ApiGpuError) -> Failure:
        return Failure.of(error, retryable=getattr(error, "retryable", False))

    def unfit() -> None:
        if os.environ.get("TOY_UNFIT"):
            raise RuntimeError("this machine is not fit")

    if os.environ.get("TOY_PID"):
        Path(os.environ["TOY_PID"]).write_text(str(os.getpid()), encoding="utf-8")
    sdk.serve(guarded(handle, fail=fail, log=sdk.log, stopping=stopping), checks=[unfit], stopping=stopping)


if __name__ == "__main__":
    main()
