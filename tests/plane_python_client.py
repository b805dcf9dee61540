"""RunPod's own Python client, told nothing but another address: python plane_python_client.py URL KEY [stream]"""

from __future__ import annotations

import asyncio
import json
import sys
from types import ModuleType
from typing import Any

cpuinfo = ModuleType("cpuinfo")
cpuinfo.get_cpu_info = lambda: {"brand_raw": "none"}  # type: ignore[attr-defined]
sys.modules["cpuinfo"] = cpuinfo

import runpod  # noqa: E402
from runpod.http_client import ClientSession  # noqa: E402


def main(url: str, key: str, mode: str = "") -> None:
    runpod.endpoint_url_base = url
    runpod.api_key = key
    endpoint = runpod.Endpoint("local")
    if mode == "stream":
        print(json.dumps({"chunks": list(endpoint.run({"count": 3}).stream())}))
        return
    facts: dict[str, Any] = {"sync": endpoint.run_sync({"input": {"text": "sync"}}, timeout=20)}

    job = endpoint.run({"input": {"text": "async"}, "policy": {"executionTimeout": 60_000}})
    facts["status at first"] = job.status()
    facts["output"] = job.output(timeout=20)
    facts["status at last"] = job.status()

    failing = endpoint.run({"error": "no"})
    facts["failed"] = [failing.output(timeout=20), failing.status()]

    waiting = endpoint.run({"sleep_s": 60})
    facts["cancel"] = waiting.cancel()["status"]
    facts["cancelled"] = waiting.status()
    facts["health"] = endpoint.health()
    facts["purge"] = endpoint.purge_queue()
    facts["async"] = asyncio.run(with_asyncio())
    facts["failures"] = [failure_of(lambda: runpod.Endpoint("local", api_key="wrong").health())]
    facts["failures"] += [
        failure_of(lambda: runpod.endpoint.runner.Job("local", "none", endpoint.rp_client).status())
    ]
    print(json.dumps(facts))


async def with_asyncio() -> Any:
    async with ClientSession() as session:
        endpoint = runpod.AsyncioEndpoint("local", session)
        job = await endpoint.run({"text": "asyncio"})
        return await job.output(timeout=20)


def failure_of(call: Any) -> str:
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "none"


if __name__ == "__main__":
    main(*sys.argv[1:])
