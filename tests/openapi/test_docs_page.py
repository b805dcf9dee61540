"""`/docs` in a real browser, without any other host."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apigpu.registry import Registry
from apigpu_runtime.proxy.openapi.docs_page import docs_routes
from apigpu_runtime.proxy.openapi.openapi import openapi_document, openapi_routes
from playground_support import served

pytestmark = pytest.mark.xdist_group("browser")

ROOT = Path(__file__).resolve().parents[2]


def app() -> Starlette:
    document = openapi_document(Registry.discover(), version="1.2.3")
    return Starlette(routes=[*docs_routes(), *openapi_routes(document)])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(app()) as found:
        yield found


def test_it_shows_every_operation_without_another_host_and_breaks_no_rule(browser: Any, address: str) -> None:
    page = browser.new_page()
    told: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: told.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2] if "://" in request.url else ""))
    page.goto(f"{address}/docs")
    page.wait_for_selector(".opblock-tag-section", timeout=20_000)
    tags = page.locator(".opblock-tag").all_inner_texts()
    assert [tag.split()[0] for tag in tags[:4]] == ["addaudio", "caption", "img2vid", "pipeline"]
    page.locator("#operations-caption-caption .opblock-summary-control").click()
    page.wait_for_selector("#operations-caption-caption .opblock-body textarea, #operations-caption-caption pre")
    assert "Burn subtitles into a video." in page.locator("#operations-caption-caption").inner_text()
    page.locator(".btn.authorize").click()
    page.wait_for_selector(".dialog-ux .auth-container")
    assert hosts - {""} == {address.split("/")[2]}
    assert told == []
    page.close()


def test_a_request_can_be_tried_out_from_it(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/docs#/server/openapi")
    page.wait_for_selector("#operations-server-openapi .execute", timeout=20_000)
    page.locator("#operations-server-openapi .execute").click()
    page.wait_for_selector("#operations-server-openapi .live-responses-table .response-col_status")
    assert "200" in page.locator("#operations-server-openapi .live-responses-table").inner_text()
    page.close()


def test_its_policy_allows_no_code_or_style_from_within_the_page() -> None:
    with TestClient(app()) as client:
        answer = client.get("/docs")
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "http" not in policy
        assert client.get("/docs/swagger-ui-bundle.js").headers["cache-control"].endswith("immutable")
        assert client.get("/docs/README.md").status_code == 404


def test_the_wheel_has_what_the_page_loads_and_its_licence(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT / "runtime")).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "LICENSE", "NOTICE"):
        assert f"apigpu_runtime/proxy/static/swagger/{name}" in names
    assert "apigpu_runtime/proxy/static/assumed-ffmpeg.json" in names
