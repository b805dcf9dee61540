"""Which uploads lie in the store, so that each is gone when its time is over: a store is not asked for its keys."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from apigpu_runtime.database import Database
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.errors import StorageError

_log = structlog.get_logger("apigpu.proxy")

MIGRATIONS = (
    """
CREATE TABLE uploads (key TEXT PRIMARY KEY, expires_s REAL NOT NULL) STRICT;
CREATE INDEX uploads_expire ON uploads (expires_s)
""",
)
_SWEEP_S = 3600.0
_AT_ONCE = 100


class UploadLedger:
    """Written before a file is stored, so that nothing is forgotten when the server is killed meanwhile."""

    def __init__(self, database: Database, storage: Storage | None, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._storage = storage
        self._now = now

    async def note(self, key: str, *, lifetime_s: float) -> None:
        """The object will be deleted after `lifetime_s`."""
        row = (key, self._now() + lifetime_s)
        await self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?)", row)
        )

    async def forget(self, key: str) -> None:
        """The object is gone already."""
        await self._database.write(lambda connection: _remove(connection, [key]))

    async def sweep(self) -> int:
        """Delete what has expired; how many objects it was. Raises StorageError."""
        count = 0
        while self._storage is not None and (keys := await self._expired()):
            for key in keys:
                await self._storage.delete(key)
            await self._database.write(lambda connection, keys=keys: _remove(connection, keys))  # type: ignore[misc]
            count += len(keys)
        return count

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweeps at the start and every hour."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except StorageError as error:
                _log.warning("upload_sweep_failed", code=error.code, message=error.message)
            except Exception:  # a border: the next sweep may go better
                _log.exception("upload_sweep_broke")
            await asyncio.sleep(_SWEEP_S)

    async def _expired(self) -> list[str]:
        query = "SELECT key FROM uploads WHERE expires_s <= ? ORDER BY expires_s LIMIT ?"
        values = (self._now(), _AT_ONCE)
        return await self._database.read(
            lambda connection: [str(row["key"]) for row in connection.execute(query, values)]
        )


def _remove(connection: sqlite3.Connection, keys: list[str]) -> None:
    connection.executemany("DELETE FROM uploads WHERE key = ?", [(key,) for key in keys])
