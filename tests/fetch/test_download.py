"""Media come over the wire whole, go on where they broke off, and never past their limits."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
import stamina

from apigpu.errors import InputError
from apigpu.media.fields import MediaKind, MediaRef
from apigpu_runtime.fetch import fetch_all
from apigpu_runtime.guard import AddressRefused
from apigpu_runtime.settings import Settings
from scripted_server_support import Scripted, answer, scripted

VIDEO = bytes(range(256)) * 400
TAG = {"ETag": '"v1"'}


def download(server: Scripted, folder: Path, path: str = "/a.mp4?signature=secret", **settings: object) -> bytes:
    url = server.url + path
    wanted = Settings(trusted_urls=(f"{server.url}/",), **settings)  # type: ignore[arg-type]
    ref = MediaRef("url_video", MediaKind.VIDEO, url)
    found = asyncio.run(fetch_all([ref], base=folder, folder=folder, settings=wanted))
    return found[url].read_bytes()


def refusal(server: Scripted, folder: Path, path: str = "/a.mp4?signature=secret", **settings: object) -> InputError:
    with pytest.raises(InputError) as error:
        download(server, folder, path, **settings)
    assert "secret" not in str(error.value)
    assert list(folder.iterdir()) == []
    return error.value


def test_a_body_that_breaks_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    rest = answer(
        "206 Partial Content", VIDEO[1000:], Content_Range=f"bytes 1000-{len(VIDEO) - 1}/{len(VIDEO)}", **TAG
    )
    with scripted(answer("200 OK", VIDEO[:1000], length=len(VIDEO), **TAG), rest) as server:
        assert download(server, tmp_path) == VIDEO
        assert server.header(0, "Range") == ""
        assert (server.header(1, "Range"), server.header(1, "If-Range")) == ("bytes=1000-", '"v1"')


@pytest.mark.parametrize(
    "second",
    [
        answer("200 OK", VIDEO, ETag='"v2"'),
        answer("206 Partial Content", VIDEO, Content_Range=f"bytes 0-{len(VIDEO) - 1}/{len(VIDEO)}"),
        answer("206 Partial Content", VIDEO[500:]),
        answer("416 Range Not Satisfiable", Content_Range="bytes */5"),
    ],
    ids=["changed", "other part", "no part told", "shorter now"],
)
def test_a_file_that_is_another_by_now_is_taken_from_its_beginning(tmp_path: Path, second: bytes) -> None:
    broken = answer("200 OK", b"old" * 300, length=len(VIDEO), **TAG)
    with scripted(broken, second, answer("200 OK", VIDEO)) as server:
        assert download(server, tmp_path) == VIDEO


@pytest.mark.parametrize("tag", [{}, {"ETag": 'W/"v1"'}], ids=["none", "weak"])
def test_without_a_strong_tag_nothing_is_pieced_together(tmp_path: Path, tag: dict[str, str]) -> None:
    broken = answer("200 OK", VIDEO[:1000], length=len(VIDEO), **tag)
    with scripted(broken, answer("200 OK", VIDEO)) as server:
        assert download(server, tmp_path) == VIDEO
        assert server.header(1, "Range") == ""


def test_a_date_serves_where_there_is_no_tag(tmp_path: Path) -> None:
    date = {"Last_Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}
    rest = answer("206 Partial Content", VIDEO[1000:], Content_Range=f"bytes 1000-{len(VIDEO) - 1}/{len(VIDEO)}")
    with scripted(answer("200 OK", VIDEO[:1000], length=len(VIDEO), **date), rest) as server:
        assert download(server, tmp_path) == VIDEO
        assert server.header(1, "If-Range") == date["Last_Modified"]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Oops", "502 Bad Gateway", "503 Busy"])
def test_an_answer_that_asks_for_patience_gets_it(tmp_path: Path, status: str) -> None:
    with scripted(answer(status, Retry_After="0"), answer("200 OK", VIDEO)) as server:
        assert download(server, tmp_path) == VIDEO


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "410 Gone", "501 No"])
def test_an_answer_that_will_stay_is_not_asked_for_twice(tmp_path: Path, status: str) -> None:
    with scripted(answer(status)) as server:
        assert f"was answered with {status}" in str(refusal(server, tmp_path))
        assert len(server.requests) == 1


def test_a_server_that_always_breaks_off_is_left_after_a_few_tries(tmp_path: Path) -> None:
    with scripted(answer("200 OK", b"x", length=9)) as server:
        error = refusal(server, tmp_path)
        assert len(server.requests) == 6
    assert "could not be downloaded" in str(error)
    assert (error.code, error.where) == ("download_failed", "url_video")


def test_a_told_length_over_the_limit_is_refused_before_the_body(tmp_path: Path) -> None:
    with scripted(answer("200 OK", b"x", length=10**15)) as server:
        assert "is larger than 1000 bytes" in str(refusal(server, tmp_path, max_download_bytes=1000))


def test_pieces_of_several_tries_count_together(tmp_path: Path) -> None:
    first = answer("200 OK", b"x" * 600, length=900, **TAG)
    with scripted(first, answer("206 Partial Content", b"x" * 600, Content_Range="bytes 600-1199/1200")) as server:
        assert "is larger than 1000 bytes" in str(refusal(server, tmp_path, max_download_bytes=1000))


def test_what_unfolds_on_arrival_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(10 << 20))
    with scripted(answer("200 OK", bomb, Content_Encoding="gzip")) as server:
        assert "is sent compressed. Serve it without Content-Encoding." in str(refusal(server, tmp_path))
        assert server.header(0, "Accept-Encoding") == "identity"


@pytest.mark.parametrize(
    ("page", "remedy"),
    [(b"\xef\xbb\xbf\n <!DOCTYPE html>", "Use the direct link"), (b"<HTML><body>", "Use the direct link")],
)
def test_a_web_page_is_no_medium(tmp_path: Path, page: bytes, remedy: str) -> None:
    with scripted(answer("200 OK", page)) as server:
        assert remedy in str(refusal(server, tmp_path))


def test_a_private_address_is_refused_with_its_field_and_nothing_is_asked(tmp_path: Path) -> None:
    with scripted(answer("200 OK", VIDEO)) as server:
        ref = MediaRef("images.2.image_url", MediaKind.IMAGE, f"{server.url}/a.jpg?signature=secret")
        with pytest.raises(AddressRefused) as error:
            asyncio.run(fetch_all([ref], base=tmp_path, folder=tmp_path, settings=Settings()))
        assert server.requests == []
    assert error.value.where == "images.2.image_url"
    assert "secret" not in str(error.value)


def test_a_redirect_from_a_trusted_place_to_a_private_one_is_refused(tmp_path: Path) -> None:
    with scripted(answer("200 OK", VIDEO)) as inner:
        with scripted(answer("302 Found", Location=f"{inner.url}/admin")) as server:
            assert isinstance(refusal(server, tmp_path), AddressRefused)
        assert inner.requests == []


@pytest.mark.parametrize(
    "url", ["/etc/passwd", "secret.mp4", "file:///etc/passwd", "../secret.mp4", "FILE:/etc/passwd"]
)
def test_who_asks_from_elsewhere_names_no_file_of_this_machine(tmp_path: Path, url: str) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"x")
    ref = MediaRef("url_video", MediaKind.VIDEO, url)
    with pytest.raises(InputError, match="this is no address that can be fetched") as error:
        asyncio.run(fetch_all([ref], base=tmp_path, folder=tmp_path, settings=Settings()))
    assert error.value.where == "url_video"


def test_the_body_of_a_redirect_is_not_read(tmp_path: Path) -> None:
    """It is said to have a terabyte, and none of it comes: whoever reads it waits, and then fails."""
    with scripted(answer("200 OK", VIDEO)) as there:
        moved = answer("302 Found", b"<html>", length=10**12, Location=f"{there.url}/b.mp4", Content_Encoding="gzip")
        with scripted(moved) as here:
            url = f"{here.url}/a.mp4"
            settings = Settings(trusted_urls=(f"{here.url}/", f"{there.url}/"))
            ref = MediaRef("url_video", MediaKind.VIDEO, url)
            found = asyncio.run(fetch_all([ref], base=tmp_path, folder=tmp_path, settings=settings))
            assert len(here.requests) == 1
    assert found[url].read_bytes() == VIDEO


def test_the_whole_download_has_one_deadline_over_all_tries(tmp_path: Path) -> None:
    with stamina.set_testing(False), scripted(answer("503 Busy", Retry_After="30")) as server:
        assert "was not downloaded within 0.5 seconds" in str(refusal(server, tmp_path, fetch_timeout_s=0.5))


@pytest.mark.parametrize("url", ["http://", "http:///a.mp4", "https://[::1/a", "http://a b/", "http://\x7f/"])
def test_a_url_that_is_none_is_a_sentence_and_no_traceback(tmp_path: Path, url: str) -> None:
    ref = MediaRef("url_video", MediaKind.VIDEO, url)
    for guarded in (True, False):
        with pytest.raises(InputError) as error:
            asyncio.run(fetch_all([ref], base=tmp_path, folder=tmp_path, settings=Settings(guarded=guarded)))
        assert error.value.code in {"download_failed", "address_refused"}
