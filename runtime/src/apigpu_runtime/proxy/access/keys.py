"""API keys: who may call. Several live at once, each with a name; only hashes of them are kept.

A store may be changed by another process while a server reads it: what is made or revoked there counts from the next
request on.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import string
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from apigpu.errors import InputError
from apigpu_runtime.callers import CLIENT, WORKER, Caller
from apigpu_runtime.database import Database
from apigpu_runtime.proxy.access.rate_limits import check_rate

PREFIX = "ak"
"""Every secret begins with it, so that one that leaked can be searched for: `ak_ID_SECRET`."""
MAX_NAME_CHARACTERS = 64
SCOPES = (CLIENT, WORKER)

_MIGRATIONS = (
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        scope TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        rate TEXT NOT NULL,
        created_s REAL NOT NULL,
        expires_s REAL,
        revoked_s REAL,
        last_used_s REAL
    ) STRICT
    """,
)
_ID_ALPHABET = string.digits + string.ascii_lowercase
_SECRET_ALPHABET = string.digits + string.ascii_letters
_ID_CHARACTERS = 8
# 43 of 62 characters are 256 bits: no slow hash is needed against guessing.
_SECRET_CHARACTERS = 43
_LAST_USED_EVERY_S = 60.0

State = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """What is known of a key. Times are seconds since 1970, UTC."""

    id: str
    name: str
    scope: str
    """`client` calls operations and sees jobs; `worker` takes jobs and brings results."""
    rate: str = ""
    """Such as `60/minute`; empty: no limit."""
    created_s: float
    expires_s: float | None = None
    revoked_s: float | None = None
    last_used_s: float | None = None
    """Up to a minute old."""

    def state(self, now_s: float) -> State:
        if self.revoked_s is not None:
            return "revoked"
        return "expired" if self.expires_s is not None and now_s >= self.expires_s else "active"

    @property
    def caller(self) -> Caller:
        return Caller(self.name, frozenset({self.scope}), self.id)


class KeyStore:
    """The keys in a file, which is made where it is missing."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        path.touch(mode=0o600)
        self._database = Database(path, _MIGRATIONS)
        self._now = now
        self._seen: tuple[int, int] = (0, 0)
        self._keys: dict[str, tuple[Key, str]] = {}
        self._noted_s: dict[str, float] = {}

    def close(self) -> None:
        self._database.close()

    def create(
        self, name: str, *, scope: str = CLIENT, lifetime_s: float | None = None, rate: str = ""
    ) -> tuple[Key, str]:
        """A new key and its secret, which cannot be had again. Raises InputError."""
        now_s = self._now()
        key = Key(
            id=_random(_ID_ALPHABET, _ID_CHARACTERS),
            name=_checked_name(name),
            scope=_checked_scope(scope),
            rate=check_rate(rate),
            created_s=now_s,
            expires_s=None if lifetime_s is None else now_s + lifetime_s,
        )
        secret = f"{PREFIX}_{key.id}_{_random(_SECRET_ALPHABET, _SECRET_CHARACTERS)}"
        self._database.write_now(lambda connection: _insert(connection, key, _hash(secret)))
        return key, secret

    def list(self) -> tuple[Key, ...]:
        """All keys, the oldest first, with those that no longer work."""
        return tuple(sorted((key for key, _ in self._current().values()), key=lambda key: (key.created_s, key.id)))

    def revoke(self, key_id: str) -> Key:
        """The key no longer works. Raises InputError where there is none with that id."""
        known = self.get(key_id)
        if known is None:
            hint = "Give the id, not the secret." if key_id.startswith(f"{PREFIX}_") else "See: apigpu keys list."
            shown = "" if key_id.startswith(f"{PREFIX}_") else f" {key_id!r}"
            raise InputError(f"there is no key{shown}.", code="unknown_key", where="id", remedy=hint)
        now_s = self._now()
        self._database.write_now(lambda connection: _set_revoked(connection, known.id, now_s))
        return known

    def get(self, key_id: str) -> Key | None:
        found = self._current().get(key_id)
        return found[0] if found else None

    def find(self, secret: str) -> Key | None:
        """The key that this is the secret of, whether it still works or not."""
        parts = secret.split("_", 2)
        found = self._current().get(parts[1]) if len(parts) == 3 else None
        # An unknown id costs the same comparison as a wrong secret.
        key, known = found or (None, "")
        return key if hmac.compare_digest(_hash(secret), known) else None

    def verify(self, secret: str) -> Caller | None:
        """Who calls with this secret; None where it is no key that works. The use is noted."""
        key = self.find(secret)
        return self.caller(key) if key else None

    def caller(self, key: Key) -> Caller | None:
        """Who calls with this key; None where it no longer works. The use is noted."""
        now_s = self._now()
        if key.state(now_s) != "active":
            return None
        self._note_use(key, now_s)
        return key.caller

    def any(self) -> bool:
        """Whether a key was ever made. Keys are asked for from then on: revoking the last one must open nothing."""
        return bool(self._current())

    def any_active(self) -> bool:
        """Whether some key works now."""
        now_s = self._now()
        return any(key.state(now_s) == "active" for key, _ in self._current().values())

    def _note_use(self, key: Key, now_s: float) -> None:
        noted_s = max(self._noted_s.get(key.id, 0.0), key.last_used_s or 0.0)
        if now_s - noted_s >= _LAST_USED_EVERY_S:
            self._noted_s[key.id] = now_s
            self._database.write_soon(lambda connection: _set_last_used(connection, key.id, now_s))

    def _current(self) -> dict[str, tuple[Key, str]]:
        """The keys by id with their hashes, read again when somebody has written: a look costs microseconds."""
        seen = (threading.get_ident(), self._database.read_now(_data_version))
        if seen != self._seen:
            self._keys = self._database.read_now(_all)
            self._seen = seen
        return self._keys


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise InputError(
            f"must be 1 to {MAX_NAME_CHARACTERS} printable characters.",
            code="invalid_input",
            where="name",
            remedy="Name who will use the key, such as n8n.",
        )
    return name


def _checked_scope(scope: str) -> str:
    if scope not in SCOPES:
        raise InputError(f"must be {' or '.join(SCOPES)}, not {scope!r}.", code="invalid_input", where="scope")
    return scope


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _data_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


def _all(connection: sqlite3.Connection) -> dict[str, tuple[Key, str]]:
    rows = (dict(row) for row in connection.execute("SELECT * FROM keys"))
    found = ((row.pop("sha256"), Key(**row)) for row in rows)
    return {key.id: (key, sha256) for sha256, key in found}


def _insert(connection: sqlite3.Connection, key: Key, sha256: str) -> None:
    connection.execute(
        "INSERT INTO keys (id, name, scope, sha256, rate, created_s, expires_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key.id, key.name, key.scope, sha256, key.rate, key.created_s, key.expires_s),
    )


def _set_revoked(connection: sqlite3.Connection, key_id: str, now_s: float) -> None:
    connection.execute("UPDATE keys SET revoked_s = coalesce(revoked_s, ?) WHERE id = ?", (now_s, key_id))


def _set_last_used(connection: sqlite3.Connection, key_id: str, now_s: float) -> None:
    connection.execute("UPDATE keys SET last_used_s = ? WHERE id = ?", (now_s, key_id))
