"""Who waits for which job, told in process and at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Watchers:
    """Events by job. A change sets the events of all who watch that job."""

    def __init__(self) -> None:
        self._events: dict[str, set[asyncio.Event]] = {}
        self._closed = False

    @contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set by each change. After `close` it is set from the start."""
        event = asyncio.Event()
        if self._closed:
            event.set()
        self._events.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            watching = self._events[job_id]
            watching.discard(event)
            if not watching:
                del self._events[job_id]

    def tell(self, job_id: str) -> None:
        for event in self._events.get(job_id, ()):
            event.set()

    def is_watched(self, job_id: str) -> bool:
        return job_id in self._events

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Nothing will change any more: whoever waits need wait no longer."""
        self._closed = True
        for events in self._events.values():
            for event in events:
                event.set()
