"""A plane and nothing else, without keys: python bench/_plane_server.py FOLDER. It prints its address."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from apigpu_runtime.callers import INTERNAL, as_caller
from apigpu_runtime.plane.app import plane_app
from apigpu_runtime.plane.plane import Plane


async def serve(folder: Path) -> None:
    plane = Plane(folder / "plane.sqlite3")
    # With its protocol named: only then asyncio turns off the delay of small packets, which costs 40 ms an answer.
    bound = socket.socket(proto=socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    bound.listen(1024)
    app = as_caller(plane_app(plane), INTERNAL)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    async with plane.running():
        print(f"http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
        await server.serve([bound])


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
