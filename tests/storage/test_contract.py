"""What every store promises, asked of a folder over real HTTP and of a real S3-compatible store."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from apigpu.errors import InputError
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.errors import StorageError

pytestmark = pytest.mark.anyio
KEY = "jobs/j1/caption.mp4"


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_file_comes_back_as_it_went_in(storage: Storage, tmp_path: Path) -> None:
    content = bytes(range(256)) * 100
    (tmp_path / "a").write_bytes(content)
    stored = await storage.put_file(KEY, tmp_path / "a", "video/mp4")
    assert (stored.key, stored.size_bytes, stored.content_type) == (KEY, len(content), "video/mp4")
    assert stored.md5 == hashlib.md5(content).hexdigest()
    assert await storage.read(KEY, max_bytes=len(content)) == content
    assert await storage.head(KEY) == stored


async def test_12_mib_in_pieces_arrive_whole(storage: Storage) -> None:
    """More than S3 takes in one part of an upload."""
    chunk = bytes(range(256)) * 4096
    stored = await storage.put_stream(KEY, pieces(*[chunk] * 12), "video/mp4", max_bytes=12 << 20)
    assert stored.size_bytes == 12 << 20
    assert stored.md5 == hashlib.md5(chunk * 12).hexdigest()
    address = storage.signed("GET", KEY, expires_s=60)
    part = httpx2.get(address.url, headers={"Range": "bytes=12582900-"})
    assert (part.status_code, part.content) == (206, chunk[-12:])
    assert part.headers["Content-Range"] == "bytes 12582900-12582911/12582912"


async def test_a_file_in_parts_arrives_whole(storage: Storage, tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(20 << 20)
    stored = await storage.put_file(KEY, tmp_path / "a", "video/mp4")
    assert stored.size_bytes == 20 << 20


async def test_what_grows_beyond_its_bound_is_not_kept(storage: Storage) -> None:
    await storage.put_stream(KEY, pieces(b"before"), "video/mp4", max_bytes=10)
    with pytest.raises(InputError) as error:
        await storage.put_stream(KEY, pieces(b"x" * 6, b"x" * 6), "video/mp4", max_bytes=10)
    assert error.value.code == "too_large"
    assert await storage.read(KEY, max_bytes=10) == b"before"


async def test_a_sender_that_breaks_off_leaves_nothing(storage: Storage) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await storage.put_stream(KEY, broken(), "video/mp4", max_bytes=10)
    assert await storage.head(KEY) is None


async def test_what_is_not_there_is_none_and_deleting_it_is_no_fault(storage: Storage) -> None:
    assert await storage.read(KEY, max_bytes=10) is None
    assert await storage.head(KEY) is None
    await storage.delete(KEY)


async def test_what_is_deleted_is_gone(storage: Storage) -> None:
    await storage.put_stream(KEY, pieces(b"x"), "video/mp4", max_bytes=10)
    await storage.delete(KEY)
    assert await storage.head(KEY) is None
    assert httpx2.get(storage.signed("GET", KEY, expires_s=60).url).status_code == 404


async def test_an_object_too_large_to_read_whole_is_an_error(storage: Storage) -> None:
    await storage.put_stream(KEY, pieces(b"x" * 11), "video/mp4", max_bytes=20)
    with pytest.raises(StorageError, match="has 11 bytes, which is more than 10"):
        await storage.read(KEY, max_bytes=10)


async def test_whoever_holds_signed_addresses_puts_looks_and_gets(storage: Storage) -> None:
    content = b"a video, more or less"
    md5 = hashlib.md5(content)
    put = storage.signed("PUT", KEY, expires_s=60, content_type="video/mp4")
    headers = {**put.headers, "Content-MD5": base64.b64encode(md5.digest()).decode()}
    answer = httpx2.put(put.url, content=content, headers=headers)
    assert (answer.status_code, answer.headers["ETag"].strip('"')) == (200, md5.hexdigest())
    looked = httpx2.head(storage.signed("HEAD", KEY, expires_s=60).url)
    assert (looked.status_code, looked.headers["Content-Length"]) == (200, str(len(content)))
    got = httpx2.get(storage.signed("GET", KEY, expires_s=60).url)
    assert (got.status_code, got.content, got.headers["Content-Type"]) == (200, content, "video/mp4")
    assert got.headers["Accept-Ranges"] == "bytes"


async def test_bytes_that_are_not_those_of_their_digest_are_refused(storage: Storage) -> None:
    put = storage.signed("PUT", KEY, expires_s=60)
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    answer = httpx2.put(put.url, content=b"these", headers={"Content-MD5": wrong})
    assert answer.status_code == 400
    assert await storage.head(KEY) is None


async def test_an_address_is_for_its_method_and_key_alone(storage: Storage) -> None:
    await storage.put_stream(KEY, pieces(b"x"), "video/mp4", max_bytes=10)
    await storage.put_stream("jobs/j2/caption.mp4", pieces(b"y"), "video/mp4", max_bytes=10)
    get = storage.signed("GET", KEY, expires_s=60).url
    last = "0" if get[-1] != "0" else "1"
    refused = [
        httpx2.get(get.replace("/j1/", "/j2/")),
        httpx2.get(get[:-1] + last),
        httpx2.get(get.partition("?")[0]),
        httpx2.put(get, content=b"mine"),
        httpx2.get(get.replace("xpires=", "xpires=9")),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403, 403, refused[4].status_code]
    assert refused[4].status_code in {400, 403}
    assert await storage.read(KEY, max_bytes=10) == b"x"


async def test_an_address_expires(storage: Storage) -> None:
    await storage.put_stream(KEY, pieces(b"x"), "video/mp4", max_bytes=10)
    url = storage.signed("GET", KEY, expires_s=1).url
    until = time.monotonic() + 10
    while (answer := httpx2.get(url)).status_code == 200 and time.monotonic() < until:
        time.sleep(0.1)
    assert answer.status_code == 403
    assert "expired" in answer.text


@pytest.mark.parametrize("expires_s", [0, -1, 7 * 24 * 3600 + 1])
async def test_no_address_lives_longer_than_a_week(storage: Storage, expires_s: int) -> None:
    with pytest.raises(ValueError, match="lives 1 to 604800 seconds"):
        storage.signed("GET", KEY, expires_s=expires_s)


@pytest.mark.parametrize("key", ["../a", "/etc/passwd", "a//b", "a/./b", ".arriving/x", "a\\b", "a b", "", "a/", "é"])
async def test_what_is_no_key_reaches_no_store(storage: Storage, tmp_path: Path, key: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    for attempt in (
        lambda: storage.put_file(key, tmp_path / "a", "video/mp4"),
        lambda: storage.put_stream(key, pieces(b"x"), "video/mp4", max_bytes=10),
        lambda: storage.read(key, max_bytes=10),
        lambda: storage.head(key),
        lambda: storage.delete(key),
    ):
        with pytest.raises(ValueError, match="is no key"):
            await attempt()
    with pytest.raises(ValueError, match="is no key"):
        storage.signed("GET", key, expires_s=60)
