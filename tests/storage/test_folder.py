"""A folder as a store: what stands on the disk, and what its addresses show to whom."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apigpu_runtime.storage import Storage, check_key
from apigpu_runtime.storage import file_routes as routes
from apigpu_runtime.storage.errors import StorageError
from apigpu_runtime.storage.folder import FolderStorage
from file_server_support import SECRET, served_folder

pytestmark = pytest.mark.anyio
KEY = "jobs/j1/caption.mp4"


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def put(storage: Storage, content: bytes, key: str = KEY) -> None:
    await storage.put_stream(key, pieces(content), "video/mp4", max_bytes=len(content))


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_files_lie_where_their_keys_say_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    await put(storage, b"x")
    assert files_in(tmp_path) == ["jobs/j1/caption.mp4"]
    await storage.delete(KEY)
    assert os.listdir(tmp_path) == [".arriving"]


async def test_many_writers_and_deleters_of_neighbours_never_fail_each_other(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)

    async def one(number: int) -> None:
        for _ in range(10):
            await put(storage, b"x", f"jobs/j/{number}.mp4")
            await storage.delete(f"jobs/j/{number}.mp4")

    await asyncio.gather(*map(one, range(8)))
    assert files_in(tmp_path) == []


async def test_what_a_killed_process_left_is_swept_after_a_day_and_not_before(tmp_path: Path) -> None:
    arriving = tmp_path / ".arriving"
    arriving.mkdir()
    (arriving / "old").touch()
    (arriving / "new").touch()
    os.utime(arriving / "old", (0, 0))
    FolderStorage(tmp_path)
    assert os.listdir(arriving) == ["new"]


async def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="Not a directory"):
        FolderStorage(tmp_path / "file" / "store")


async def test_a_folder_that_nobody_serves_gives_file_urls_and_takes_nothing_by_http(
    tmp_path: Path,
) -> None:
    storage = FolderStorage(tmp_path)
    assert storage.signed("GET", KEY, expires_s=60).url == (tmp_path / KEY).as_uri()
    with pytest.raises(StorageError, match="is served by nobody"):
        storage.signed("PUT", KEY, expires_s=60)


async def test_an_empty_or_short_secret_signs_nothing_and_opens_nothing(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, "http://here", b"short")
    with pytest.raises(ValueError, match="a secret of 5 bytes signs nothing"):
        storage.signed("GET", KEY, expires_s=60)
    assert storage.refusal("GET", KEY, {"expires": "99999999999", "signature": "x"})


async def test_finished_files_come_from_the_public_address_and_envelopes_and_uploads_do_not(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, "http://here", SECRET, public_url="https://cdn.example/v/")
    assert storage.signed("GET", KEY, expires_s=60).url == "https://cdn.example/v/jobs/j1/caption.mp4"
    for method, key in (("PUT", KEY), ("GET", "jobs/j1/result.json"), ("GET", "uploads/a.mp4")):
        assert storage.signed(method, key, expires_s=60).url.startswith("http://here/files/")  # type: ignore[arg-type]


async def test_a_download_has_the_name_that_was_signed_and_no_other(folder: FolderStorage) -> None:
    await put(folder, b"x")
    url = folder.signed("GET", KEY, expires_s=60, filename='été "1".mp4').url
    answer = httpx2.get(url)
    assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''%C3%A9t%C3%A9%20%221%22.mp4"
    assert httpx2.get(url.replace("filename=", "filename=x")).status_code == 403
    assert httpx2.get(url.partition("&filename")[0]).status_code == 403
    plain = httpx2.get(folder.signed("GET", KEY, expires_s=60).url)
    assert plain.headers["Content-Disposition"] == 'inline; filename="caption.mp4"'


async def test_nothing_that_is_stored_runs_as_a_page(folder: FolderStorage) -> None:
    await put(folder, b"<script>alert(1)</script>", "uploads/a.html")
    address = folder.signed("PUT", "uploads/b.svg", expires_s=60, content_type="text/html")
    assert httpx2.put(address.url, content=b"<svg/>", headers=address.headers).status_code == 200
    for key in ("uploads/a.html", "uploads/b.svg"):
        answer = httpx2.get(folder.signed("GET", key, expires_s=60).url)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_ranges_are_served_and_impossible_ones_refused(folder: FolderStorage) -> None:
    await put(folder, b"0123456789")
    url = folder.signed("GET", KEY, expires_s=60).url
    for wanted, content in (("0-0", b"0"), ("3-5", b"345"), ("7-", b"789"), ("-2", b"89"), ("5-99", b"56789")):
        part = httpx2.get(url, headers={"Range": f"bytes={wanted}"})
        assert (part.status_code, part.content) == (206, content)
    outside = httpx2.get(url, headers={"Range": "bytes=10-"})
    assert (outside.status_code, outside.headers["Content-Range"]) == (416, "bytes */10")
    tag = httpx2.get(url).headers["ETag"]
    assert tag == f'"{hashlib.md5(b"0123456789").hexdigest()}"'
    same = httpx2.get(url, headers={"Range": "bytes=9-", "If-Range": tag})
    other = httpx2.get(url, headers={"Range": "bytes=9-", "If-Range": '"other"'})
    assert [(same.status_code, same.content), (other.status_code, other.content)] == [
        (206, b"9"),
        (200, b"0123456789"),
    ]


async def test_a_body_over_the_bound_is_refused_whether_its_length_is_told_or_not(tmp_path: Path) -> None:
    with served_folder(tmp_path / "store", max_bytes=1000) as storage:
        url = storage.signed("PUT", KEY, expires_s=60).url
        told = httpx2.put(url, content=b"x" * 1001)
        untold = httpx2.put(url, content=iter([b"x" * 600, b"x" * 600]))
    for answer in (told, untold):
        assert answer.status_code == 413
        assert (answer.json()["code"], answer.json()["message"]) == (
            "too_large",
            "the file is larger than 1000 bytes. Send a smaller file.",
        )
    assert files_in(tmp_path) == []


async def test_a_body_that_ends_early_leaves_nothing(folder: FolderStorage, tmp_path: Path) -> None:
    url = urlsplit(folder.signed("PUT", KEY, expires_s=60).url)
    with socket.create_connection((url.hostname, url.port), 5) as connection:  # type: ignore[arg-type]
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"only this")
    until = time.monotonic() + 5
    while any((tmp_path / "store" / ".arriving").iterdir()) and time.monotonic() < until:
        await asyncio.sleep(0.05)
    assert files_in(tmp_path) == []


async def test_a_sender_who_stalls_or_trickles_is_left(
    folder: FolderStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_STALL_S", 0.2)
    url = urlsplit(folder.signed("PUT", KEY, expires_s=60).url)
    with socket.create_connection((url.hostname, url.port), 5) as connection:  # type: ignore[arg-type]
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"slowly")
        connection.settimeout(5)
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"signature": "0" * 64}, "was altered, or is not for GET."),
        ({"signature": ""}, "its signature is missing."),
        ({"expires": "1"}, "was altered"),
        ({"expires": "9" * 11}, "was altered"),
        ({"expires": "+1e9"}, "was altered"),
    ],
)
async def test_a_refused_address_is_a_problem_document(
    folder: FolderStorage, change: dict[str, str], sentence: str
) -> None:
    url = urlsplit(folder.signed("GET", KEY, expires_s=60).url)
    query = dict(parse_qsl(url.query)) | change
    answer = httpx2.get(url._replace(query=urlencode(query)).geturl())
    assert (answer.status_code, answer.json()["code"]) == (403, "signature_refused")
    assert sentence in answer.json()["message"]
    assert answer.json()["status"] == 403


async def test_ways_out_of_the_folder_lead_nowhere(folder: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    url = urlsplit(folder.signed("GET", KEY, expires_s=60).url)
    for path in ("/files/../secret", "/files/%2e%2e/secret", "/files/..%2fsecret", "/files//etc/passwd", "/files/"):
        with socket.create_connection((url.hostname, url.port), 5) as connection:  # type: ignore[arg-type]
            connection.sendall(f"GET {path}?{url.query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
            connection.settimeout(5)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert answer.split(b" ")[1] in {b"403", b"404"}
        assert b"secret" not in answer.partition(b"\r\n\r\n")[2].replace(b"signature", b"")


SIGNS = st.sampled_from(list("ab/.\\\0\n %~-_é")) | st.characters()


@given(st.text(SIGNS, max_size=40))
def test_whatever_passes_for_a_key_stays_in_the_folder(text: str) -> None:
    try:
        check_key(text)
    except ValueError:
        return
    path = Path("/store").joinpath(*text.split("/"))
    assert os.path.normpath(path) == str(path)
    assert str(path).startswith("/store/")
    assert not any(part.startswith(".") for part in text.split("/"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["GET", "PUT", "HEAD", "get"]))
def test_a_signature_opens_what_was_signed_and_nothing_else(tmp_path: Path, key: str, name: str, method: str) -> None:
    storage = FolderStorage(tmp_path, "http://here", SECRET)
    query = dict(parse_qsl(urlsplit(storage.signed("GET", KEY, expires_s=60, filename="a.mp4").url).query))
    assert storage.refusal("GET", KEY, query) == ""
    changed = query | {"filename": name}
    assert (storage.refusal(method, key, changed) == "") == ((method, key, name) == ("GET", KEY, "a.mp4"))


@settings(max_examples=300)
@given(header=st.text(st.sampled_from(list("bytes=-,0159 x")), max_size=20), size=st.integers(0, 12))
async def test_no_range_gives_other_bytes_than_it_names(
    header: str, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = b"0123456789ab"[:size]
    storage = FolderStorage(tmp_path_factory.getbasetemp() / "ranges", "http://here", SECRET)
    await put(storage, content)
    app = httpx2.ASGITransport(_app(storage))
    async with httpx2.AsyncClient(transport=app, base_url="http://here") as client:
        answer = await client.get(storage.signed("GET", KEY, expires_s=60).url, headers={"Range": header})
    assert answer.status_code in {200, 206, 400, 416}
    if answer.status_code == 200:
        assert answer.content == content
    if answer.status_code == 206 and "multipart" not in answer.headers["Content-Type"]:
        first, _, rest = answer.headers["Content-Range"].removeprefix("bytes ").partition("-")
        assert answer.content == content[int(first) : int(rest.partition("/")[0]) + 1] != b""


def _app(storage: FolderStorage) -> object:
    from starlette.applications import Starlette

    return Starlette(routes=list(routes.file_routes(storage, max_bytes=100)))
