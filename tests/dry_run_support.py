"""A server with dry runs and previews, and one with media."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from starlette.applications import Starlette

from apigpu.errors import SetupError
from apigpu.registry import Registry
from apigpu_runtime.execute import Machine
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.dry_runs.dry_run import DryRuns, dry_run_routes
from apigpu_runtime.proxy.dry_runs.preview import Previews, preview_routes
from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.settings import Settings
from bodies_support import MemoryStorage


def no_machine() -> Machine:
    raise SetupError("there is no ffmpeg here.", code="ffmpeg_missing")


def planning_app(settings: Settings, *, has_ffmpeg: bool = True, storage: MemoryStorage | None = None) -> Starlette:
    """`POST /video/{operation}/dry-run` and `/preview`."""
    keeper = Keeper(storage=storage or MemoryStorage())
    reader = BodyReader(registry=Registry.discover(), keeper=keeper)
    machine = partial(Machine.found, settings) if has_ffmpeg else no_machine
    return Starlette(
        routes=[
            *dry_run_routes(DryRuns(reader=reader, machine=machine, settings=settings, default_target="l4")),
            *preview_routes(Previews(reader=reader, machine=machine, settings=settings)),
        ],
        exception_handlers=error_handlers,
    )


class MediaServer(ThreadingHTTPServer):
    """Files of a folder over HTTP; `sent` counts the bytes of bodies, `has_ranges` is whether parts can be had."""

    daemon_threads = True
    sent = 0
    requests = 0
    has_ranges = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    server: MediaServer

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        self.server.requests += 1
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        start, end, asked = 0, size, self.headers.get("Range")
        if asked and self.server.has_ranges:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(size, int(last) + 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(start)
            self._send(file.read(end - start))

    def _send(self, content: bytes) -> None:
        for at in range(0, len(content), 65536):
            try:
                self.wfile.write(content[at : at + 65536])
            except OSError:
                return  # the client has enough
            self.server.sent += len(content[at : at + 65536])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def media_server(folder: Path) -> Iterator[MediaServer]:
    server = MediaServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
