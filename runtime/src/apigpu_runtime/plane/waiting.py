"""How requests wait: woken by what they wait for, never by a clock that ticks.

Everything here belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)

_AFTER_FAULT_S = 1.0

Gone = asyncio.Future[None]
"""Done when whoever waits has hung up."""


def never_gone() -> Gone:
    return asyncio.get_running_loop().create_future()


async def until(wanted: asyncio.Future[None], gone: Gone, timeout_s: float) -> bool:
    """Wait for either; whether `wanted` came."""
    await asyncio.wait({wanted, gone}, timeout=max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED)
    return wanted.done()


async def kept_up(work: Callable[[], Awaitable[None]], what: str) -> None:
    """`work`, which never ends by itself, and begins again after a while when the store fails: a full disk must not
    stop the plane for good."""
    while True:
        try:
            await work()
        except sqlite3.Error as error:
            _log.error("The plane's store failed (%s): %s pauses for a second.", error, what)
            await asyncio.sleep(_AFTER_FAULT_S)


class Watchers:
    """Who waits for news of what: any number for each name, all woken by the next `tell`."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    @contextmanager
    def watch(self, name: str) -> Iterator[asyncio.Future[None]]:
        """A future that the next `tell` finishes. Look at the thing after this, and before waiting."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, set()).add(future)
        try:
            yield future
        finally:
            waiting = self._waiting.get(name)
            if waiting is not None:
                waiting.discard(future)
                if not waiting:
                    del self._waiting[name]

    def tell(self, name: str) -> None:
        for future in self._waiting.pop(name, ()):
            if not future.done():
                future.set_result(None)


class Line:
    """Workers waiting for a job, first come, first served; each job calls one."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Place, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def place(self) -> Iterator[Place]:
        place = Place(self)
        try:
            yield place
        finally:
            self._waiting.pop(place, None)
            if place.called.done():  # the call is not answered: perhaps the job is still there for another
                self.call(1)

    def enter(self, place: Place) -> None:
        self._waiting[place] = None

    def call(self, count: int) -> None:
        for _ in range(min(count, len(self._waiting))):
            place, _ = self._waiting.popitem(last=False)
            place.called.set_result(None)

    def call_all(self) -> None:
        self.call(len(self._waiting))


class Place:
    def __init__(self, line: Line) -> None:
        self._line = line
        self.renew()

    def renew(self) -> asyncio.Future[None]:
        """A call to wait for. Look for a job after this, and before waiting."""
        self.called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.enter(self)
        return self.called
