"""Keys: shown once, kept as hashes, ended at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apigpu.errors import InputError
from apigpu_runtime.proxy.access.keys import KeyStore
from edge_support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path, clock: Clock) -> Iterator[KeyStore]:
    with closing(KeyStore(tmp_path / "keys", now=clock)) as store:
        yield store


def test_a_secret_tells_whose_it_is_and_a_wrong_one_nothing(keys: KeyStore) -> None:
    key, secret = keys.create("n8n")
    caller = keys.verify(secret)
    assert caller is not None
    assert (caller.name, caller.key_id, caller.scopes) == ("n8n", key.id, {"client"})
    assert secret.startswith(f"ak_{key.id}_")
    for wrong in ("", "ak", secret[:-1], secret + "x", secret.replace(key.id, "00000000"), "\ud800", "a_b_c"):
        assert keys.verify(wrong) is None


def test_the_secret_lies_nowhere_in_the_file(keys: KeyStore, tmp_path: Path) -> None:
    _, secret = keys.create("n8n")
    keys.verify(secret)
    keys.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret.rpartition("_")[2].encode() not in kept
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_several_keys_work_at_once_and_one_is_ended_alone(keys: KeyStore) -> None:
    (first, one), (_, two) = keys.create("one"), keys.create("two")
    keys.revoke(first.id)
    assert keys.verify(one) is None
    assert keys.verify(two) is not None
    assert {key.name: key.state(0) for key in keys.list()} == {"one": "revoked", "two": "active"}


def test_another_process_that_makes_or_ends_a_key_is_heeded_at_once(keys: KeyStore, tmp_path: Path) -> None:
    assert not keys.any()
    with closing(KeyStore(tmp_path / "keys")) as other:
        key, secret = other.create("n8n")
        assert keys.any()
        assert keys.verify(secret) is not None
        other.revoke(key.id)
        assert keys.verify(secret) is None


def test_ending_the_last_key_does_not_open_the_server(keys: KeyStore) -> None:
    key, _ = keys.create("n8n")
    keys.revoke(key.id)
    assert keys.any()
    assert not keys.any_active()


def test_a_key_expires_at_its_time(keys: KeyStore, clock: Clock) -> None:
    _, secret = keys.create("guest", lifetime_s=60)
    clock.now_s += 59
    assert keys.verify(secret) is not None
    clock.now_s += 1
    assert keys.verify(secret) is None
    assert not keys.any_active()


def test_its_last_use_is_written_down_once_a_minute_at_most(keys: KeyStore, clock: Clock, tmp_path: Path) -> None:
    key, secret = keys.create("n8n")

    def last_used() -> float | None:
        keys._database.write_now(lambda connection: None)  # after whatever is still to be written
        with closing(sqlite3.connect(tmp_path / "keys")) as connection:
            used: float | None = connection.execute("SELECT last_used_s FROM keys").fetchone()[0]
            return used

    begin_s = clock.now_s
    assert last_used() is None
    keys.verify(secret)
    assert last_used() == begin_s
    clock.now_s += 59
    keys.verify(secret)
    assert last_used() == begin_s
    clock.now_s += 1
    keys.verify(secret)
    assert last_used() == begin_s + 60
    assert keys.list()[0].id == key.id


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x", "scope": "admin"}, "scope"),
        ({"name": "x", "rate": "many"}, "rate"),
        ({"name": "x", "rate": "0/minute"}, "rate"),
        ({"name": "x", "rate": "1/second; 2/minute"}, "rate"),
        ({"name": "x", "rate": "999999/second"}, "rate"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_by_name(keys: KeyStore, fields: dict[str, str], where: str) -> None:
    with pytest.raises(InputError) as caught:
        keys.create(**fields)
    assert caught.value.where == where
    assert not keys.any()


def test_ending_a_key_by_its_secret_does_not_repeat_the_secret(keys: KeyStore) -> None:
    _, secret = keys.create("n8n")
    with pytest.raises(InputError) as caught:
        keys.revoke(secret)
    assert secret not in str(caught.value)
    assert "Give the id" in str(caught.value)
