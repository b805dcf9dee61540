"""Forms and bare files: the same request as JSON would have been, with files in place of addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from apigpu.registry import Registry
from bodies_support import STORE, MemoryStorage, body_app

VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"v" * 1000
PHOTO = "https://example.com/a.jpg"


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def client(storage: MemoryStorage) -> TestClient:
    return TestClient(body_app(Registry.discover(), storage=storage))


def stored(storage: MemoryStorage, url: str) -> bytes:
    return storage.objects[url.removeprefix(STORE).partition("?")[0]]


def test_a_file_takes_the_place_of_an_address(client: TestClient, storage: MemoryStorage) -> None:
    form = {"url_srt": "https://example.com/s.srt", "style.size": "7.5", "style.bold": "true", "style.font": "5"}
    answer = client.post("/video/caption", data=form, files={"url_video": ("Meu vídeo.MP4", VIDEO, "video/mp4")})
    document = answer.json()
    assert answer.status_code == 200
    url = document.pop("url_video")
    assert document == {"url_srt": form["url_srt"], "style": {"size": 7.5, "bold": True, "font": "5"}}
    assert stored(storage, url) == VIDEO
    assert url.partition("?")[0].endswith(".mp4")
    assert "deo" not in url


def test_texts_become_what_their_fields_are(client: TestClient) -> None:
    form = {"url_image": PHOTO, "duration": "5", "width": "1080", "motion": "zoomout", "output.quality": "90"}
    document = client.post("/video/img2vid", data=form).json()
    assert document == {
        "url_image": PHOTO,
        "duration": 5,
        "width": 1080,
        "motion": "zoomout",
        "output": {"quality": 90},
    }


def test_a_list_of_files_and_their_fields(client: TestClient, storage: MemoryStorage) -> None:
    files = {
        "images.0.image_url": ("1.png", b"one", "image/png"),
        "images[1][image_url]": ("2.png", b"two", "image/png"),
    }
    form = {"images.0.duracao": "2.5", "images.1.id": "007"}
    document = client.post("/video/img2vid", data=form, files=files).json()
    first, second = document["images"]
    assert (first["duracao"], second["id"]) == (2.5, "007")
    assert (stored(storage, first["image_url"]), stored(storage, second["image_url"])) == (b"one", b"two")


def test_fields_fill_a_whole_object_up(client: TestClient) -> None:
    form = {"request": '{"images": [{"duration": 4}], "zoom": 1.5}', "images.0.image_url": PHOTO}
    document = client.post("/video/img2vid", data=form, files={"nobody": ("", b"")}).json()
    assert document == {"images": [{"duration": 4, "image_url": PHOTO}], "zoom": 1.5}


def test_files_of_a_pipeline_go_to_its_steps(client: TestClient, storage: MemoryStorage) -> None:
    form = {"steps.0.operation": "img2vid", "steps.0.duration": "3", "steps.1.operation": "addaudio"}
    files = {"steps.0.url_image": ("a.jpg", b"photo"), "steps.1.url_audio": ("a.mp3", b"sound")}
    first, second = client.post("/video/pipeline", data=form, files=files).json()["steps"]
    assert first["duration"] == 3
    assert stored(storage, first["url_image"]) == b"photo"
    assert stored(storage, second["url_audio"]) == b"sound"


def test_a_bare_file_goes_to_the_field_of_its_kind_and_the_query_says_the_rest(
    client: TestClient, storage: MemoryStorage
) -> None:
    query = {"url_srt": "https://example.com/s.srt", "style.size": "8"}
    document = client.post(
        "/video/caption", params=query, content=VIDEO, headers={"Content-Type": "video/mp4"}
    ).json()
    assert (document["url_srt"], document["style"]) == (query["url_srt"], {"size": 8})
    assert stored(storage, document["url_video"]) == VIDEO


@pytest.mark.parametrize(
    ("operation", "kind", "query", "field"),
    [
        ("caption", "application/x-subrip", {"url_video": "https://example.com/v.mp4"}, "url_srt"),
        ("caption", "application/octet-stream", {"url_video": "https://example.com/v.mp4"}, "url_srt"),
        ("caption", "application/octet-stream", {"url_srt": "https://example.com/s.srt"}, "url_video"),
        ("img2vid", "image/jpeg", {}, "url_image"),
        ("addaudio", "audio/mpeg", {"url_video": "https://example.com/v.mp4"}, "url_audio"),
    ],
)
def test_the_field_of_a_bare_file_is_found(
    client: TestClient, storage: MemoryStorage, operation: str, kind: str, query: dict[str, str], field: str
) -> None:
    answer = client.post(f"/video/{operation}", params=query, content=b"bytes", headers={"Content-Type": kind})
    assert stored(storage, answer.json()[field]) == b"bytes"


def test_a_bare_file_that_fits_no_field_is_told_the_fields(client: TestClient) -> None:
    answer = client.post("/video/img2vid", content=b"x", headers={"Content-Type": "video/mp4"})
    assert answer.status_code == 415
    assert "url_image (image)" in answer.json()["message"]


def test_an_urlencoded_form_is_a_request(client: TestClient) -> None:
    document = client.post("/video/img2vid", data={"url_image": PHOTO, "duration": "1.5", "zoom": ""}).json()
    assert document == {"url_image": PHOTO, "duration": 1.5}


def refused(client: TestClient, **sent: Any) -> tuple[int, str, str]:
    answer = client.post("/video/caption", **sent)
    told = answer.json()
    return answer.status_code, told["code"], told["errors"][0]["path"]


def test_files_of_a_request_that_is_wrong_are_not_kept(client: TestClient, storage: MemoryStorage) -> None:
    files = {"url_video": ("v.mp4", VIDEO), "url_srt": ("s.srt", b"1")}
    assert refused(client, files=files, data={"style.size": "huge"}) == (422, "invalid_input", "style.size")
    assert not storage.objects


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"files": {"style.size": ("a.txt", b"5")}}, (400, "no_file_here", "style.size")),
        ({"files": {"nothing": ("a.txt", b"5")}}, (400, "no_file_here", "nothing")),
        ({"files": {"url_video": ("v.mp4", b"")}}, (400, "empty_file", "url_video")),
        (
            {"files": [("url_video", ("v.mp4", b"1")), ("url_video", ("v.mp4", b"2"))]},
            (400, "duplicate_field", "url_video"),
        ),
        ({"files": {"url_video": ("v.mp4", b"x" * (9 << 20))}}, (413, "too_large", "url_video")),
        ({"data": {"style": "{}", "style.size": "5"}}, (422, "invalid_input", "url_video")),
        ({"data": {"style..size": "5"}}, (400, "bad_field_name", "")),
        ({"data": {"request": "["}}, (400, "invalid_json", "request")),
        (
            {"data": {"url_video": "https://example.com/v.mp4", "url_video.x": "5"}},
            (400, "duplicate_field", "url_video"),
        ),
    ],
)
def test_a_form_that_makes_no_sense_is_refused_with_its_field(
    client: TestClient, storage: MemoryStorage, sent: dict[str, Any], told: tuple[int, str, str]
) -> None:
    assert refused(client, **sent) == told
    assert not storage.objects


def test_a_gap_in_a_list_is_told(client: TestClient) -> None:
    answer = client.post("/video/img2vid", data={"images.0.image_url": PHOTO, "images.2.image_url": PHOTO})
    assert answer.json()["errors"][0]["path"] == "images.1"


def test_a_huge_index_makes_no_huge_list(client: TestClient) -> None:
    answer = client.post("/video/img2vid", data={"images.999999999.image_url": PHOTO})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "images")


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
HEAD = b'--b\r\nContent-Disposition: form-data; name="url_video"; filename="v.mp4"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", MULTIPART),
        (b"no boundary at all", MULTIPART),
        (HEAD + b"cut off", MULTIPART),
        (HEAD + b"\r\n--b\r\nNonsense\r\n\r\n\r\n--b--", MULTIPART),
        (b'--b\r\nContent-Disposition: form-data; filename="x"\r\n\r\n\r\n--b--\r\n', MULTIPART),
        (b"--b\r\nX: " + b"y" * 100_000 + b"\r\n\r\n\r\n--b--\r\n", MULTIPART),
        (HEAD + b"x\r\n--b--\r\n", {"Content-Type": "multipart/form-data"}),
        (HEAD + b"x\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=" + "b" * 100}),
    ],
)
def test_broken_multipart_is_refused_and_leaves_nothing(
    client: TestClient, storage: MemoryStorage, body: bytes, headers: dict[str, str]
) -> None:
    assert refused(client, content=body, headers=headers)[:2] == (400, "broken_multipart")
    assert not storage.objects


def test_a_name_that_is_not_utf_8_is_refused(client: TestClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--\r\n'
    assert refused(client, content=body, headers=MULTIPART)[:2] == (400, "invalid_utf8")


def test_ten_thousand_parts_are_refused_on_the_way(client: TestClient) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
    body = b"".join(part % number for number in range(10_000)) + b"--b--\r\n"
    assert refused(client, content=body, headers=MULTIPART)[:2] == (400, "too_many_fields")
    pairs = "&".join(f"f{number}=1" for number in range(10_000))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refused(client, content=pairs, headers=kind)[:2] == (400, "too_many_fields")


def test_a_form_with_too_much_text_is_refused(client: TestClient) -> None:
    assert refused(client, data={"style.font": "x" * (2 << 20)}, files={"nobody": ("", b"")})[:2] == (
        413,
        "too_large",
    )


def test_an_upload_never_becomes_a_page_or_a_path(client: TestClient, storage: MemoryStorage) -> None:
    files = {"url_video": ("../../etc/x.html", VIDEO, "text/html"), "url_srt": ("a.srt", b"1", "image/svg+xml")}
    assert client.post("/video/caption", files=files).status_code == 200
    assert set(storage.types.values()) == {"application/octet-stream", "application/x-subrip"}
    assert all(key.startswith("uploads/") and "html" not in key for key in storage.objects)


def test_without_a_store_the_answer_says_what_to_configure() -> None:
    client = TestClient(body_app(Registry.discover()))
    answer = client.post("/video/caption", files={"url_video": ("v.mp4", VIDEO)})
    assert (answer.status_code, answer.json()["code"]) == (501, "no_storage")
    assert "APIGPU_STORAGE" in answer.json()["message"]


def test_a_multipart_upload_is_streamed(client: TestClient, storage: MemoryStorage) -> None:
    """The file is longer than any single chunk, and arrives as it was."""
    content = bytes(range(256)) * (24 << 10)

    def pieces() -> Iterator[bytes]:
        yield HEAD
        for start in range(0, len(content), 10_000):
            yield content[start : start + 10_000]
        yield b'\r\n--b\r\nContent-Disposition: form-data; name="url_srt"\r\n\r\nhttps://example.com/s\r\n--b--\r\n'

    document = client.post("/video/caption", content=pieces(), headers=MULTIPART).json()
    assert stored(storage, document["url_video"]) == content
