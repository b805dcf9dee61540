"""A server that answers each connection with bytes as they are written here, broken ones too."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Scripted:
    """Answers one request after the other from `answers`; the last answer stays. `requests` are the heads it got."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def header(self, number: int, name: str) -> str:
        """Of a request, empty where it was not sent."""
        lines = self.requests[number].split("\r\n")
        return next((line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name.lower()}: ")), "")

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                head = b""
                while b"\r\n\r\n" not in head and (more := connection.recv(4096)):
                    head += more
                self.requests.append(head.decode("latin-1"))
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                connection.sendall(answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def scripted(*answers: bytes) -> Iterator[Scripted]:
    server = Scripted(answers)
    try:
        yield server
    finally:
        server.close()


def answer(status: str, body: bytes = b"", *, length: int | None = None, **headers: str) -> bytes:
    """An answer as it goes over the wire; with a `length` beyond the body it breaks off."""
    told = {"Content-Length": str(len(body) if length is None else length), "Connection": "close"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
