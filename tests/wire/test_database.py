"""What was written is there, whatever happens next."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apigpu_runtime.database import Database

SCHEMA = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE) STRICT"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "notes.sqlite3", [SCHEMA])
    yield found
    found.close()


def add(text: str) -> object:
    return lambda connection: connection.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid


def texts(connection: sqlite3.Connection) -> list[str]:
    return [row["text"] for row in connection.execute("SELECT text FROM notes ORDER BY id")]


@pytest.mark.anyio
async def test_writes_that_arrive_together_all_succeed(database: Database) -> None:
    await asyncio.gather(*(database.write(add(f"note {number}")) for number in range(500)))  # type: ignore[arg-type]
    assert len(await database.read(texts)) == 500


@pytest.mark.anyio
async def test_one_that_fails_takes_nothing_else_with_it(database: Database) -> None:
    def twice(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes (text) VALUES ('half')")
        connection.execute("INSERT INTO notes (text) VALUES ('same')")

    work = [database.write(add("same")), database.write(twice), database.write(add("other"))]  # type: ignore[arg-type]
    results = await asyncio.gather(*work, return_exceptions=True)
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert await database.read(texts) == ["same", "other"]


@pytest.mark.anyio
async def test_a_caller_that_gives_up_harms_nobody(database: Database) -> None:
    task = asyncio.ensure_future(database.write(add("left")))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    await database.write(add("stayed"))  # type: ignore[arg-type]
    assert "stayed" in await database.read(texts)


def test_two_processes_may_open_and_migrate_one_file_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from apigpu_runtime.database import Database\n"
        f"d = Database(Path(sys.argv[1]), [{SCHEMA!r}, 'ALTER TABLE notes ADD COLUMN more TEXT'])\n"
        "d.write_now(lambda c: c.execute('INSERT INTO notes (text) VALUES (?)', (sys.argv[2],))); d.close()"
    )
    path = tmp_path / "shared.sqlite3"
    running = [subprocess.Popen([sys.executable, "-c", code, path, str(number)]) for number in range(4)]
    assert [process.wait(30) for process in running] == [0] * 4
    database = Database(path, [SCHEMA, "ALTER TABLE notes ADD COLUMN more TEXT"])
    assert sorted(database.read_now(texts)) == ["0", "1", "2", "3"]
    database.close()


def test_what_was_told_as_written_is_there_after_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from apigpu_runtime.database import Database\n"
        f"d = Database(Path(sys.argv[1]), [{SCHEMA!r}])\n"
        "for number in range(100000):\n"
        "    d.write_now(lambda c: c.execute('INSERT INTO notes (text) VALUES (?)', (str(number),)))\n"
        "    print(number, flush=True)\n"
    )
    path = tmp_path / "killed.sqlite3"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = [process.stdout.readline().strip() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split()
    database = Database(path, [SCHEMA])
    assert set(told) <= set(database.read_now(texts))
    database.close()
