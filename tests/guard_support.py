"""A server that listens on every address of this machine and counts who connects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

Answers = list[tuple[int, int, int, str, tuple[str, int]]]


class Listener:
    """Accepts connections on all IPv4 and IPv6 addresses, answers none, and remembers how many there were."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def listening() -> Iterator[Listener]:
    with closing(Listener()) as listener:
        yield listener


class Names:
    """A resolver with names of its own: each lookup takes the next answer of its name, the last one for good."""

    def __init__(self, **answers: list[str]) -> None:
        self._answers = {name.replace("_", "."): list(addresses) for name, addresses in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, *args: int) -> Answers:
        self.asked.append(host)
        known = self._answers.get(host)
        if known is None:
            return socket.getaddrinfo(host, port, *args)  # type: ignore[return-value, arg-type]
        text = known.pop(0) if len(known) > 1 else known[0]
        found: Answers = []
        for address in text.split():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            found.append((family, socket.SOCK_STREAM, 6, "", (address, port)))
        return found
