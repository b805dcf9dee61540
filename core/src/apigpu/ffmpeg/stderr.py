"""FFmpeg's log, cut down to what explains a failure."""

from __future__ import annotations

import re

from apigpu.ffmpeg.failures import row_in

KEPT_BYTES = 4096
_LONGEST_LINE = 400
_MOST_SHAPES = 2000
_VARIES = re.compile(r"0x[0-9a-f]+|\d+")


class StderrKeeper:
    """Keeps the first and the last 4 kB, and from between them the first line of each kind that the table knows.

    FFmpeg 9 writes some 7 kB after the decisive line, damaged media many megabytes before it.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0
        self._unfinished = b""
        self._decisive: dict[str, str] = {}
        self._seen: set[str] = set()

    def feed(self, chunk: bytes) -> None:
        """Take more of the log, in any pieces."""
        room = KEPT_BYTES - len(self._head)
        self._head += chunk[:room]
        rest = chunk[room:]
        if not rest:
            return
        self._tail += rest
        if len(self._tail) > KEPT_BYTES:
            self._cut += len(self._tail) - KEPT_BYTES
            del self._tail[:-KEPT_BYTES]
        self._look_for_decisive(rest)

    @property
    def head(self) -> str:
        return self._head.decode("utf-8", "replace")

    @property
    def tail(self) -> str:
        """The end of the log, behind the decisive lines where something was cut out; empty if the head is all."""
        tail = self._tail.decode("utf-8", "replace")
        return "\n".join((*self._decisive.values(), "[...]", tail)) if self._cut else tail

    @property
    def text(self) -> str:
        """All that was kept, to be classified."""
        return f"{self.head}\n{self.tail}" if self._cut else self.head + self.tail

    def _look_for_decisive(self, rest: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + rest).split(b"\n")
        self._unfinished = self._unfinished[-_LONGEST_LINE:]
        for raw in lines:
            line = raw[:_LONGEST_LINE].decode("utf-8", "replace")
            shape = _VARIES.sub("", line)  # matching costs 0.1 ms, and noise repeats itself
            if shape in self._seen:
                continue
            if len(self._seen) < _MOST_SHAPES:
                self._seen.add(shape)
            if row := row_in(line):
                self._decisive.setdefault(row, line)
