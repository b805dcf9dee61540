"""A plane in a process of its own, to be killed: python plane_server.py FOLDER WORKERS. It prints its address."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from apigpu_runtime.plane.behaviour import Behaviour
from plane_support import LIGHT_WORKER, served_plane, workers_on_demand


async def serve(folder: Path, max_workers: int) -> None:
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(served_plane(folder, Behaviour(take_hold_s=1, rate_limits={})))
        if max_workers:
            await stack.enter_async_context(workers_on_demand(plane, LIGHT_WORKER, max_workers=max_workers))
        print(plane.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
