"""Addresses become files: paths are checked, downloads are bounded, and every refusal names the field."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apigpu.errors import InputError
from apigpu.media.fields import MediaKind, MediaRef
from apigpu_runtime.fetch import fetch_all
from apigpu_runtime.settings import Settings


def fetch(*urls: str, base: Path, **settings: float) -> list[Path]:
    folder = base / "work"
    folder.mkdir(exist_ok=True)
    refs = [MediaRef(f"images.{number}.image_url", MediaKind.IMAGE, url) for number, url in enumerate(urls)]
    wanted = Settings(guarded=False, **settings)  # type: ignore[arg-type]
    found = asyncio.run(fetch_all(refs, base=base, folder=folder, settings=wanted))
    return [found[url] for url in urls]


def refusal(*urls: str, base: Path, **settings: float) -> InputError:
    with pytest.raises(InputError) as caught:
        fetch(*urls, base=base, **settings)
    assert os.listdir(base / "work") == []
    return caught.value


def test_paths_relative_absolute_and_as_file_urls_lead_to_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "été 100%.jpg"
    file.write_bytes(b"x")
    assert fetch(file.name, str(file), file.as_uri(), base=tmp_path) == [file] * 3


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("fotos.jpg", "there is no file 'fotos.jpg' in"),
        ("no/where.jpg", "there is no folder"),
        ("work", "is a folder. Name a file in it."),
        ("empty.jpg", "is empty (0 bytes)."),
        ("pipe.jpg", "is no regular file."),
        ("photo.jpg/more", "there is no folder"),
        ("a\0b", "cannot be opened"),
        ("n" * 300, "cannot be opened: File name too long."),
        ("ftp://host/a.jpg", "ftp: addresses are not served. Give a path, or an http(s) URL."),
        ("data:image/png;base64,AAAA", "data: addresses are not served."),
        ("file://elsewhere/a.jpg", "a file: URL cannot name another machine (elsewhere)."),
        ("concat:photo.jpg|photo.jpg", "there is no file 'concat:photo.jpg|photo.jpg' in"),
    ],
)
def test_a_path_that_gives_no_file_is_refused_with_its_field(tmp_path: Path, url: str, sentence: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    error = refusal("photo.jpg", url, base=tmp_path)
    assert sentence in str(error)
    assert error.where == "images.1.image_url"


def test_a_misspelt_file_name_is_told_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    assert refusal("photo.jpeg", base=tmp_path).remedy == "Did you mean 'photo.jpg'?"


def test_a_download_lands_in_the_work_folder_once_and_only_its_ending_is_kept(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/../a photo.JPG").respond_with_data(b"12345")
    url = httpserver.url_for("/..%2fa photo.JPG")
    first, second = fetch(url, url, base=tmp_path)
    assert first == second == tmp_path / "work" / "download-0.jpg"
    assert first.read_bytes() == b"12345"
    assert len(httpserver.log) == 1


def test_redirects_are_followed_up_to_a_limit(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/a").respond_with_response(Response(status=302, headers={"Location": "/b"}))
    httpserver.expect_request("/b").respond_with_data(b"here")
    httpserver.expect_request("/loop").respond_with_response(Response(status=302, headers={"Location": "/loop"}))
    assert fetch(httpserver.url_for("/a"), base=tmp_path)[0].read_bytes() == b"here"
    (tmp_path / "work" / "download-0").unlink()
    assert "more than 5 redirects" in str(refusal(httpserver.url_for("/loop"), base=tmp_path))


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (Response(status=404), "was answered with 404 NOT FOUND. Check the address."),
        (Response(status=403), "was answered with 403 FORBIDDEN. It may need a login"),
        (Response(b"  <!DOCTYPE html><html>login</html>"), "gives a web page, not a media file."),
        (Response(b""), "gives an empty file."),
        (Response(b"x" * 2000), "is larger than 1000 bytes."),
    ],
)
def test_a_download_that_is_no_media_is_refused_without_its_secrets(
    httpserver: HTTPServer, tmp_path: Path, response: Response, sentence: str
) -> None:
    httpserver.expect_request("/a.jpg").respond_with_response(response)
    url = httpserver.url_for("/a.jpg?signature=secret")
    error = refusal(url, base=tmp_path, max_download_bytes=1000)
    assert sentence in str(error)
    assert "secret" not in str(error)
    assert (error.code, error.where) == ("download_failed", "images.0.image_url")


def test_a_server_that_dawdles_is_left_at_the_deadline(httpserver: HTTPServer, tmp_path: Path) -> None:
    end = threading.Event()

    def dawdle(request: Request) -> Response:
        end.wait(5)
        return Response(b"late")

    httpserver.expect_request("/slow").respond_with_handler(dawdle)
    try:
        error = refusal(httpserver.url_for("/slow"), base=tmp_path, fetch_timeout_s=0.2)
    finally:
        end.set()
    assert "was not downloaded within 0.2 seconds" in str(error)


def test_a_server_that_is_not_there_is_said_to_be_unreachable(tmp_path: Path) -> None:
    assert "could not be downloaded" in str(refusal("http://127.0.0.1:1/a.mp4", base=tmp_path))
    assert "could not be downloaded" in str(refusal("http://", base=tmp_path))
