"""The smallest queue that a RunPod worker can be started against, in a thread of the benchmark."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOLD_S = 2.0
DEADLINE_S = 60.0


@dataclass
class Queue:
    """Gives out one job, and notes when its result came."""

    job: Mapping[str, Any]
    is_taken: bool = False
    result: Any = None
    done_at: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def environ(self, url: str) -> dict[str, str]:
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{url}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{url}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{url}/ping/$RUNPOD_POD_ID?gpu=none",
            "RUNPOD_AI_API_KEY": "key",
            "RUNPOD_POD_ID": "bench",
            # The stock worker's own checks would count against it: they are not what is compared.
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
            "RUNPOD_LOG_LEVEL": "INFO",
        }


@contextmanager
def queue_with(job: Mapping[str, Any]) -> Iterator[tuple[Queue, str]]:
    """The queue and its address."""
    queue = Queue(job)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind = self.path.split("/")[1]
            if kind == "job-take" and not queue.is_taken:
                queue.is_taken = True
                self._answer(200, json.dumps({"id": "job-1", "input": queue.job}).encode())
            elif kind == "ping":
                self._answer(200, b"{}")
            else:
                queue.closing.wait(HOLD_S)
                self._answer(204, b"")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if body.get("status") != "IN_PROGRESS":
                queue.result, queue.done_at = body, time.perf_counter()
                queue.done.set()
            self._answer(200, b"{}")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """The worker is killed in the midst of its polls."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield queue, f"http://127.0.0.1:{server.server_port}"
    finally:
        queue.closing.set()
        server.shutdown()
        server.server_close()
