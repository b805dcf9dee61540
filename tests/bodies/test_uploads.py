"""Uploads: a file gets an address, which the media fields of requests take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apigpu.errors import InputError
from apigpu_runtime.database import Database
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.bodies.upload_ledger import MIGRATIONS, UploadLedger
from apigpu_runtime.proxy.bodies.uploads import upload_routes
from bodies_support import STORE, MemoryStorage, problem


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def client(storage: MemoryStorage) -> TestClient:
    return client_of(Keeper(storage=storage, max_bytes=1000, retention_s=72 * 3600))


def client_of(keeper: Keeper) -> TestClient:
    return TestClient(Starlette(routes=upload_routes(keeper), exception_handlers={InputError: problem}))


def test_a_bare_file_gets_an_address_that_ends(client: TestClient, storage: MemoryStorage) -> None:
    answer = client.post("/uploads?filename=talk.mp4", content=b"video", headers={"Content-Type": "video/mp4"})
    told = answer.json()
    assert (answer.status_code, told["size_bytes"], told["content_type"]) == (201, 5, "video/mp4")
    assert answer.headers["location"] == told["url"]
    key = told["url"].removeprefix(STORE).partition("?")[0]
    assert storage.objects == {key: b"video"}
    assert key.endswith(".mp4")
    left = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=70) < left <= timedelta(hours=72)


def test_a_form_may_hold_the_file_under_any_name(client: TestClient, storage: MemoryStorage) -> None:
    answer = client.post("/uploads", files={"data": ("a.srt", b"1", "application/x-subrip")}, data={"note": "x"})
    assert (answer.status_code, answer.json()["content_type"]) == (201, "application/x-subrip")
    assert list(storage.objects.values()) == [b"1"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b""}, 400, "empty_file"),
        ({"content": b"x" * 1001}, 413, "too_large"),
        ({"content": iter([b"x" * 600, b"x" * 600])}, 413, "too_large"),
        ({"json": {"url": "https://example.com"}}, 415, "unsupported_media_type"),
        ({"data": {"a": "b"}, "files": {"c": ("", b"")}}, 400, "empty_body"),
        ({"files": [("a", ("a.mp4", b"1")), ("b", ("b.mp4", b"2"))]}, 400, "duplicate_field"),
        ({"files": {"a": ("a.mp4", b"x" * 1001)}}, 413, "too_large"),
    ],
)
def test_what_is_no_file_is_refused_and_nothing_stays(
    client: TestClient, storage: MemoryStorage, sent: dict[str, object], status: int, code: str
) -> None:
    answer = client.post("/uploads", **sent)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not storage.objects


def test_a_presigned_upload_tells_the_request_and_the_later_address(client: TestClient) -> None:
    answer = client.post("/uploads/presign", json={"filename": "a.MOV", "content_type": "video/quicktime"})
    told = answer.json()
    assert answer.status_code == 201
    assert (told["put"]["method"], told["put"]["headers"]) == ("PUT", {"Content-Type": "video/quicktime"})
    assert told["put"]["url"].partition("?")[0] == told["url"].partition("?")[0]
    assert told["url"].partition("?")[0].endswith(".mov")
    assert client.post("/uploads/presign", json={"name": "x"}).status_code == 422


def test_without_a_store_both_say_what_to_configure() -> None:
    client = client_of(Keeper(storage=None, no_storage_remedy="Set APIGPU_STORAGE."))
    for path in ("/uploads", "/uploads/presign"):
        answer = client.post(path, content=b"{}")
        assert (answer.status_code, answer.json()["code"]) == (501, "no_storage")
        assert "Set APIGPU_STORAGE." in answer.json()["message"]


@pytest.mark.anyio
async def test_an_upload_is_deleted_when_its_time_is_over_whoever_was_killed_meanwhile(tmp_path: Path) -> None:
    storage, now_s = MemoryStorage(), 1000.0
    database = Database(tmp_path / "jobs.sqlite3", MIGRATIONS)
    ledger = UploadLedger(database, storage, now=lambda: now_s)
    keeper = Keeper(storage=storage, ledger=ledger, retention_s=3600)
    with TestClient(Starlette(routes=upload_routes(keeper))) as client:
        assert client.post("/uploads", content=b"one").status_code == 201
        assert client.post("/uploads/presign", json={}).status_code == 201
        assert await ledger.sweep() == 0
        now_s += 2 * 24 * 3600 + 1
        assert client.post("/uploads", content=b"two").status_code == 201
    again = UploadLedger(database, storage, now=lambda: now_s)
    assert await again.sweep() == 2
    assert list(storage.objects.values()) == [b"two"]
    assert await again.sweep() == 0
    database.close()
