"""A folder served over real HTTP, as `apigpu serve` does it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from apigpu_runtime.storage.file_routes import file_routes
from apigpu_runtime.storage.folder import FolderStorage

SECRET = b"secret of the tests, 32 bytes..."


@contextmanager
def serving(app: ASGIApp, bound: socket.socket) -> Iterator[None]:
    """The app on a socket that is bound already, in a thread of its own; it ends with the block."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
        assert not thread.is_alive()


@contextmanager
def served_folder(folder: Path, *, max_bytes: int = 64 << 20, public_url: str = "") -> Iterator[FolderStorage]:
    bound = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    storage = FolderStorage(folder, url, SECRET, public_url=public_url)
    with serving(Starlette(routes=list(file_routes(storage, max_bytes=max_bytes))), bound):
        yield storage
