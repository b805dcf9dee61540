"""The playground with everything behind it: `apigpu serve`, its plane, a worker and FFmpeg."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground_support import until
from serve_support import serving

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("served")) as server:
        yield server.url


def test_a_photo_becomes_a_video_that_plays(browser: Any, address: str, media: Path) -> None:
    context = browser.new_context(base_url=address, locale="en-US")
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto("/")
    page.click("text=Turn stills into a video")
    page.wait_for_selector("html[data-ready]")
    page.locator("form input[type=file]").first.set_input_files(media / "photo.jpg")
    until(page, "document.querySelector('form input[type=text]').value.includes('/files/')")
    for name, value in {"Width": "128", "Height": "72", "Duration": "0.5"}.items():
        page.get_by_label(name, exact=True).fill(value)
    page.wait_for_selector(".frame img:not([hidden])", timeout=30_000)
    page.click("#dry-run")
    page.wait_for_selector("#panel-plan svg .node", timeout=30_000)
    page.click("#run")
    page.wait_for_selector("video", timeout=60_000)
    until(page, "document.querySelector('video').readyState >= 1")
    assert page.eval_on_selector("video", "video => video.duration") == pytest.approx(0.5, abs=0.1)
    assert "libx264" in page.locator("#panel-result").inner_text()
    page.goto("/play/jobs")
    page.wait_for_selector(".status-completed")
    assert [line for line in told if "Content Security Policy" in line] == []
    context.close()


def test_what_the_server_refuses_stands_beside_its_field(browser: Any, address: str) -> None:
    context = browser.new_context(base_url=address, locale="en-US")
    page = context.new_page()
    page.goto("/play/addaudio")
    page.wait_for_selector("html[data-ready]")
    page.uncheck("#auto-preview")
    media = page.locator("form input[type=text]")
    media.nth(0).fill("http://169.254.169.254/latest/meta-data")
    media.nth(1).fill("http://127.0.0.1:1/sound.mp3")
    page.click("#dry-run")
    page.wait_for_selector("[aria-invalid=true]", timeout=30_000)
    assert page.locator(".field .fault:visible").count() >= 1
    context.close()


def test_with_keys_the_page_asks_for_one_and_then_works(browser: Any, tmp_path: Path) -> None:
    made = [sys.executable, "-m", "apigpu_runtime.cli", "keys", "create", "--name", "me", "--data-dir", str(tmp_path)]
    told = subprocess.run([*made, "--json"], capture_output=True, text=True, timeout=30, check=True)
    secret = json.loads(told.stdout)["secret"]
    with serving(tmp_path) as server:
        context = browser.new_context(base_url=server.url, locale="en-US")
        page = context.new_page()
        page.goto("/play/jobs")
        page.fill("#key", "wrong")
        page.click("main button")
        page.wait_for_selector("#key-fault:not([hidden])")
        page.fill("#key", secret)
        page.click("main button")
        page.wait_for_selector("text=No jobs yet.")
        page.click("text=Sign out")
        page.wait_for_selector("#key")
        page.goto("/play/jobs")
        page.wait_for_selector("#key")
        context.close()
