"""A browser, and a server of the playground for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from apigpu.registry import Registry
from playground_support import BUILT_IN, HARD, FakeApi, fake_app, make_media, served

BROKEN = EntryPoint("broken", "playground_no_such_module", "apigpu")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium. For one file at a time: its event loop runs in this thread, and async tests need their own."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--mute-audio"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg here")
    folder = tmp_path_factory.mktemp("media")
    make_media(folder)
    return folder


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.of([*BUILT_IN, HARD, BROKEN])


@pytest.fixture
def api(registry: Registry, media: Path) -> FakeApi:
    return FakeApi(registry, media)


@dataclass
class Stage:
    """One server for all tests, with another app for each."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, str]]:
    shared = Stage()
    with served(shared) as address:
        yield shared, address


@pytest.fixture
def site(stage: tuple[Stage, str], api: FakeApi) -> Iterator[str]:
    shared, address = stage
    shared.app = fake_app(api)
    yield address
    api.held.clear()


@pytest.fixture
def page(browser: Any, site: str) -> Iterator[Any]:
    """A page that has asked no other host for anything, and broken no rule of its policy, when the test is over."""
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(10_000)
    opened = context.new_page()
    told: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(f"uncaught: {error}"))
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    foreign = [url for url in asked if not url.startswith((site, f"blob:{site}", "data:"))]
    assert foreign == []
    assert [line for line in told if "uncaught" in line or "Content Security Policy" in line] == []
