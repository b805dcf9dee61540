"""JSON bodies: what is taken, and how a bad one is told of."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from typing import Any

import pytest
from starlette.testclient import TestClient

from apigpu.registry import Registry
from bodies_support import body_app

CAPTION = {"url_video": "https://example.com/v.mp4", "url_srt": "https://example.com/s.srt"}


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(body_app(Registry.discover()))


def post(client: TestClient, body: bytes | str, content_type: str = "application/json") -> Any:
    answer = client.post("/video/caption", content=body, headers={"Content-Type": content_type})
    return answer.status_code, answer.json()


def test_a_body_is_the_object_that_it_says(client: TestClient) -> None:
    document = {**CAPTION, "style": {"size": 7.5, "font": "Não"}, "output": {"quality": 80}}
    assert post(client, json.dumps(document)) == (200, document)


def test_a_byte_order_mark_and_a_charset_do_no_harm(client: TestClient) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(CAPTION).encode()
    assert post(client, body, "application/json; charset=utf-8") == (200, CAPTION)


def test_without_content_type_a_body_is_taken_for_json(client: TestClient) -> None:
    request = client.build_request("POST", "/video/caption", content=json.dumps(CAPTION))
    request.headers.pop("content-type", None)
    assert client.send(request).status_code == 200


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", "empty_body", "is empty"),
        (b"  \n", "empty_body", "is empty"),
        (b"{", "invalid_json", "line 1, column 2"),
        (b'{"url_video": }', "invalid_json", "column 15"),
        (b"[]", "not_an_object", "one JSON object, not a list"),
        (b'"text"', "not_an_object", 'the value "text"'),
        (b"null", "not_an_object", "null"),
        (b'{"a": NaN}', "invalid_json", "NaN"),
        (b'{"a": -Infinity}', "invalid_json", "-Infinity"),
        (b'{"a": 1, "a": 2}', "duplicate_field", "a: is there twice"),
        (b'{"a": "\xff"}', "invalid_utf8", "byte 7 is 0xff"),
        (b'{"a": ["\\ud800"]}', "invalid_utf8", "a.0"),
        (b'{"a": "\x00"}', "invalid_json", "control character"),
        (b'{"a": ' + b"1" * 5000 + b"}", "invalid_json", "number is too long"),
        (b"[" * 30_000, "too_deep", "more than 32 deep"),
        (b"[" * 1_000_000, "too_many_fields", "more than 20000 values"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "too_deep", "more than 32 deep"),
        (b'{"a\\"": "[[[[' + b"[" * 100 + b'"}', "invalid_input", "no such field"),
        (b'{"' + b"x" * 201 + b'": 1}', "invalid_json", "name that is too long"),
    ],
)
def test_what_is_no_request_is_refused_with_its_place(client: TestClient, body: bytes, code: str, words: str) -> None:
    status, told = post(client, body)
    assert 400 <= status < 500
    assert (told["code"], words in told["message"]) == (code, True), told["message"]


def test_ten_thousand_fields_take_neither_time_nor_memory(client: TestClient) -> None:
    many = json.dumps({f"field_{number}": number for number in range(10_000)}).encode()
    values = json.dumps({"images": [0] * 300_000}).encode()
    tracemalloc.start()
    begun = time.process_time()
    assert post(client, many)[1]["code"] == "too_many_fields"
    assert post(client, values)[1]["code"] == "too_many_fields"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - begun < 3
    assert peak < 16 * (len(many) + len(values))


def test_the_most_fields_that_are_read_are_answered_soon_and_shortly(client: TestClient) -> None:
    body = json.dumps({f"field_{number}": number for number in range(4_999)})
    begun = time.process_time()
    status, told = post(client, body)
    assert (status, told["code"]) == (422, "invalid_input")
    assert time.process_time() - begun < 3
    assert len(json.dumps(told)) < 50_000


def test_looking_for_texts_never_takes_quadratic_time(client: TestClient) -> None:
    begun = time.process_time()
    assert post(client, b'{"a' + b'\\"' * 500_000)[1]["code"] == "invalid_json"
    assert time.process_time() - begun < 2


def test_a_body_that_says_it_is_too_long_is_not_read(client: TestClient) -> None:
    status, told = post(client, b'{"a": "' + b"x" * (2 << 20) + b'"}')
    assert (status, told["code"]) == (413, "too_large")
    assert "1 MiB" in told["message"]


def test_another_content_type_is_told_what_is_taken(client: TestClient) -> None:
    answer = client.post("/video/caption", content=b"<xml/>", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415
    assert "multipart/form-data" in answer.json()["message"]
    assert "application/json" in answer.headers["accept-post"]


def test_a_compressed_body_is_not_unpacked(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post("/video/caption", content=gzip.compress(b"{}"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_json_labelled_as_a_form_is_told_the_header_to_send(client: TestClient) -> None:
    status, told = post(client, json.dumps(CAPTION), "application/x-www-form-urlencoded")
    assert status == 415
    assert "Content-Type: application/json" in told["message"]


@pytest.mark.parametrize(
    "url", ["/etc/passwd", "file:///etc/passwd", "clip.mp4", "ftp://example.com/v.mp4", "https://"]
)
def test_a_path_or_another_scheme_is_refused_beside_its_field(client: TestClient, url: str) -> None:
    status, told = post(client, json.dumps({**CAPTION, "url_video": url}))
    assert (status, told["code"]) == (422, "local_path")
    assert told["errors"][0]["path"] == "url_video"
