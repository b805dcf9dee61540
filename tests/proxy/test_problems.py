"""Errors: their shape, their content type, their request id."""

from __future__ import annotations

from pathlib import Path

import pytest

from apigpu.errors import ApiGpuError, FFmpegError, InputError, PluginError, SetupError, UnsupportedError
from apigpu_runtime.backend import BackendError
from apigpu_runtime.proxy.jobs.statuses import retry_after_s, status_of
from apigpu_runtime.proxy.refusals import malformed, too_large
from apigpu_runtime.storage.errors import StorageError
from proxy_support import proxy

N8N_ACCEPT = "application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9, image/*;q=0.8, */*;q=0.7"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/problem+json"),
        ("application/problem+json, application/json", "application/problem+json"),
        ("application/json", "application/json"),
        ("text/html", "application/json"),
        (N8N_ACCEPT, "application/json"),
    ],
)
async def test_the_content_type_is_one_that_the_caller_reads(tmp_path: Path, accept: str, content_type: str) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.client.get("/jobs/nothing", headers={"Accept": accept})
    assert answer.headers["content-type"] == content_type
    problem = answer.json()
    assert problem["type"] == "about:blank"
    assert problem["title"] == "Not Found"
    assert problem["status"] == 404
    assert problem["message"] == problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("PUT", "/jobs", 405, "method_not_allowed")],
)
async def test_errors_of_the_framework_have_the_same_shape(
    tmp_path: Path, method: str, path: str, status: int, code: str
) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert path in answer.json()["message"]
    if status == 405:
        assert "GET" in answer.headers["allow"]


@pytest.mark.anyio
async def test_what_nobody_foresaw_is_told_without_details_and_logged_with_its_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with proxy(tmp_path / "db") as api:
        await api.database.write(lambda db: db.execute("ALTER TABLE jobs RENAME TO elsewhere"))
        answer = await api.client.get("/jobs/nothing", headers={"X-Request-ID": "find-me"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "find-me"
    assert "no such table" not in answer.text
    logged = capsys.readouterr().out
    assert "find-me" in logged
    assert "no such table" in logged


@pytest.mark.anyio
@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "né", 'a"b', "a\tb"])
async def test_a_request_id_that_is_not_sane_is_replaced(tmp_path: Path, given: str) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.client.get("/operations", headers={"X-Request-ID": given.encode()})
    assert answer.headers["x-request-id"] not in ("", given)
    assert answer.headers["x-request-id"].isalnum()


@pytest.mark.anyio
async def test_malformed_json_is_400(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.client.post("/video/caption", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("error", "status", "after_s"),
    [
        (InputError("x"), 422, None),
        (InputError("x", code="unknown_operation"), 404, None),
        (InputError("x", code="unknown_operation", where="steps.1.operation"), 422, None),
        (InputError("x", code="too_large"), 413, None),
        (InputError("x", code="unsupported_media_type"), 415, None),
        (too_large(5), 413, None),
        (malformed("x", code="malformed_json"), 400, None),
        (UnsupportedError("x"), 422, None),
        (BackendError("x", retryable=True, retry_after_s=7.2), 503, 7),
        (BackendError("x"), 502, None),
        (StorageError("x", retryable=True), 503, 5),
        (StorageError("x"), 502, None),
        (SetupError("x"), 503, None),
        (PluginError("x"), 500, None),
        (FFmpegError("x", fault="user"), 422, None),
        (FFmpegError("x", fault="machine"), 502, None),
        (ApiGpuError("x"), 500, None),
    ],
)
def test_each_error_has_its_status(error: ApiGpuError, status: int, after_s: int | None) -> None:
    assert status_of(error) == status
    assert retry_after_s(error) == after_s
