"""SQLite for many small writes: one thread writes, and whatever waits for it is committed at once.

A write has happened when its coroutine returns: it is on the disk, whatever is killed then.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

_BUSY_TIMEOUT_S = 30.0
_MOST_AT_ONCE = 256


class Database:
    """A file with a schema. `migrations` are scripts, each applied once and in order; never change an old one."""

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self.path = path
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._work: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        with closing(_connected(path)) as connection:
            _migrate(connection, migrations)
        self._thread = threading.Thread(target=self._write_all, name=f"writes {path.name}", daemon=True)
        self._thread.start()

    async def write(self, work: Work[Result]) -> Result:
        """`work` done in a transaction that is committed when this returns; its exception undoes its part alone."""
        return await asyncio.wrap_future(self._submit(work))

    async def read(self, work: Work[Result]) -> Result:
        """`work` done on a connection that must only read."""
        return await asyncio.to_thread(self.read_now, work)

    def write_now(self, work: Work[Result]) -> Result:
        """`write` for callers without an event loop."""
        return self._submit(work).result()

    def write_soon(self, work: Work[object]) -> None:
        """`write` that nobody waits for, and whose failure nobody is told: for what may be lost."""
        self._submit(work)

    def read_now(self, work: Work[Result]) -> Result:
        """`read` for callers without an event loop; also right inside one, for a look that takes microseconds."""
        if not hasattr(self._local, "connection"):
            self._local.connection = _connected(self.path)
            self._readers.append(self._local.connection)
        connection: sqlite3.Connection = self._local.connection
        return work(connection)

    def close(self) -> None:
        """Finish what was handed in, and stop. Nobody may read any more."""
        self._work.put(None)
        self._thread.join()
        while self._readers:
            self._readers.pop().close()

    def _submit(self, work: Work[Result]) -> Future[Result]:
        future: Future[Result] = Future()
        self._work.put((work, future))
        return future

    def _write_all(self) -> None:
        connection = _connected(self.path)
        open_ = True
        while open_:
            batch = [self._work.get()]
            while len(batch) < _MOST_AT_ONCE and not self._work.empty():
                batch.append(self._work.get())
            open_ = None not in batch
            _commit(connection, [item for item in batch if item is not None])
        connection.close()


def _connected(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions begin and end where this file says, not where the module guesses.
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    # One transaction, begun before the version is read: another process may be doing the same.
    connection.execute("BEGIN IMMEDIATE")
    done = connection.execute("PRAGMA user_version").fetchone()[0]
    for script in migrations[done:]:
        for statement in _statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {max(done, len(migrations))}")
    connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; sqlite3's own executescript would commit before each."""
    begun = ""
    for part in f"{script.strip().removesuffix(';')};".split(";")[:-1]:
        begun += f"{part};"
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""


def _commit(connection: sqlite3.Connection, batch: Sequence[tuple[Work[Any], Future[Any]]]) -> None:
    """Each piece of work in a savepoint of its own, all in one transaction."""
    told: list[tuple[Future[Any], Any, BaseException | None]] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for work, future in batch:
            told.append((future, *_one(connection, work)))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        told = [(future, None, error) for _, future in batch]
    for future, value, failure in told:
        if future.set_running_or_notify_cancel():
            future.set_exception(failure) if failure else future.set_result(value)


def _one(connection: sqlite3.Connection, work: Work[Any]) -> tuple[Any, BaseException | None]:
    connection.execute("SAVEPOINT one")
    try:
        value = work(connection)
    except Exception as error:  # a border: it is raised again where the work was handed in
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return None, error
    connection.execute("RELEASE one")
    return value, None
