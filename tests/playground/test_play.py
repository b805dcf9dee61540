"""Working with the playground in a real browser: files, previews, plans, jobs."""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from apigpu.registry import Registry
from apigpu_runtime.envelope import Failure
from playground_support import FakeApi, document, fake_app, served, until

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("browser")]

URL = "https://media.example/file"


def opened(page: Any, path: str) -> None:
    page.goto(path)
    page.wait_for_selector("html[data-ready]")


def media_input(page: Any) -> Any:
    return page.locator("form input[type=text]").first


def test_a_photo_is_uploaded_rendered_and_played(page: Any, api: FakeApi, media: Path) -> None:
    opened(page, "/play/img2vid")
    page.locator("form input[type=file]").first.set_input_files(media / "photo.jpg")
    until(page, "document.querySelector('form input[type=text]').value.includes('/files/')")
    assert page.locator("img.thumbnail").is_visible()
    page.click("#run")
    page.wait_for_selector("video")
    until(page, "document.querySelector('video').readyState >= 1")
    assert page.eval_on_selector("video", "video => video.duration") == pytest.approx(2, abs=0.1)
    page.eval_on_selector("video", "video => { video.muted = true; return video.play(); }")
    until(page, "document.querySelector('video').currentTime > 0.1")
    text = page.locator("#panel-result").inner_text()
    for fact in ("Done", "libx264", "No NVIDIA driver was found.", "1.2 MB", "320 × 180", "1.8× real time"):
        assert fact in text
    assert api.bodies[-1]["url_image"].startswith("http://127.0.0.1")


def test_files_are_dropped_on_a_field_and_several_on_a_list(page: Any, media: Path) -> None:
    opened(page, "/play/img2vid")
    page.uncheck("#auto-preview")
    drop(page, ".field", ["a.jpg"])
    until(page, "document.querySelector('form input[type=text]').value.includes('a.jpg')")
    drop(page, "fieldset.list", ["b.jpg", "c.jpg"])
    named = "[...document.querySelectorAll('li input[type=text]')].filter(one => /[bc].jpg$/.test(one.value))"
    until(page, f"{named}.length === 2")


def drop(page: Any, selector: str, names: list[str]) -> None:
    script = """([selector, names]) => {
      const data = new DataTransfer();
      for (const name of names) data.items.add(new File(["x"], name, { type: "image/jpeg" }));
      const target = document.querySelector(selector);
      for (const type of ["dragover", "drop"])
        target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(script, [selector, names])


def test_a_refused_upload_says_so_beside_its_field(page: Any, media: Path) -> None:
    opened(page, "/play/img2vid")
    problem = {"message": "the file is too large.", "remedy": "Send at most 1 MB."}
    page.route("**/uploads", lambda route: route.fulfill(status=413, json=problem))
    page.locator("form input[type=file]").first.set_input_files(media / "photo.jpg")
    fault = page.locator(".field .fault").first
    fault.wait_for()
    assert fault.inner_text() == "the file is too large. Send at most 1 MB."


def test_a_frame_is_shown_as_fields_change_and_as_time_moves(page: Any, api: FakeApi) -> None:
    opened(page, "/play/img2vid")
    media_input(page).fill(URL)
    until(page, "document.querySelector('.frame img').naturalWidth === 640")
    assert api.previews == ["middle"]
    page.locator("#at").focus()
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.state').textContent.includes('2.55')")
    assert api.previews[-1] == "2.55"


def test_a_dry_run_shows_the_graph_its_homes_and_the_command(page: Any, api: FakeApi) -> None:
    opened(page, "/play/img2vid")
    page.uncheck("#auto-preview")
    media_input(page).fill(URL)
    page.click("#dry-run")
    page.wait_for_selector("#panel-plan svg .node")
    assert page.locator("#panel-plan svg .node-cuda").count() == 3
    assert page.locator("#panel-plan svg .edge-transfer").count() == 2
    fills = [
        page.locator(f"svg .{name} polygon").first.evaluate("shape => getComputedStyle(shape).fill")
        for name in ("node-cuda", "node-system")
    ]
    assert fills[0] != fills[1]
    text = page.locator("#panel-plan").inner_text()
    for fact in ("NVIDIA L4", "$0.00042", "h264_nvenc", "Comic Sans", "77.8 MB/s", "1920 × 1080"):
        assert fact in text
    page.select_option("#target", "a100")
    page.wait_for_selector("text=a100, NVIDIA L4")
    command = page.locator("#panel-plan .code pre").inner_text()
    assert shlex.split(command) == ["ffmpeg", "-i", "in.mp4", "-vf", "it's a [filter]", "OUTPUT"]


def test_a_job_is_cancelled(page: Any, api: FakeApi) -> None:
    api.held.set()
    opened(page, "/play/img2vid")
    page.uncheck("#auto-preview")
    media_input(page).fill(URL)
    page.click("#run")
    until(page, "document.querySelector('.stage')?.textContent.includes('50 %')")
    assert page.locator("#panel-result").inner_text().startswith("Running")
    page.click("#cancel")
    page.wait_for_selector(".status-cancelled")
    assert page.locator("#cancel").is_hidden()


def test_a_failed_job_says_what_to_do_and_points_at_its_field(page: Any, api: FakeApi) -> None:
    api.failure = Failure(
        code="not_found",
        message="the address answers 404.",
        where="url_image",
        remedy="Check the address.",
        fault="user",
        argv=["ffmpeg", "-i", "a b"],
        stderr_tail="No such file",
    )
    opened(page, "/play/img2vid")
    page.uncheck("#auto-preview")
    media_input(page).fill(URL)
    page.click("#run")
    page.wait_for_selector(".status-failed")
    assert "Check the address." in page.locator("#panel-result").inner_text()
    assert "the address answers 404. Check the address." in page.locator(".field .fault").first.inner_text()
    assert media_input(page).get_attribute("aria-invalid") == "true"


def test_an_event_stream_that_breaks_off_loses_nothing(page: Any, api: FakeApi) -> None:
    page.route("**/events", lambda route: route.fulfill(status=503, body=""))
    opened(page, "/play/img2vid")
    page.uncheck("#auto-preview")
    media_input(page).fill(URL)
    page.click("#run")
    page.wait_for_selector(".status-in_queue")
    job_id = next(iter(api.jobs))
    api.jobs[job_id] = api.jobs[job_id].model_copy(update=api._end())
    page.wait_for_selector(".status-completed")


def test_the_keyboard_alone_is_enough(page: Any, api: FakeApi) -> None:
    opened(page, "/play/img2vid")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(URL)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "run":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector(".status-completed")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "tab":
            break
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-code"
    assert page.locator("#panel-code").is_visible()


def test_the_request_as_curl_and_python_does_what_the_form_does(page: Any, api: FakeApi, media: Path) -> None:
    opened(page, "/play/caption")
    page.uncheck("#auto-preview")
    inputs = page.locator("form > #fields > .field input[type=text]")
    inputs.nth(0).fill('https://media.example/it\'s "one" $HOME.mp4')
    inputs.nth(1).fill(URL)
    page.locator("summary").filter(has_text="style").click()
    page.locator("form input[type=checkbox]").first.check()
    expected = {
        "url_video": 'https://media.example/it\'s "one" $HOME.mp4',
        "url_srt": URL,
        "style": {"bold": True},
    }
    page.click("#tab-code")
    curl = page.locator("#panel-code pre").inner_text()
    done = subprocess.run(["sh", "-c", f"{curl} -s -H 'Prefer: respond-async'"], capture_output=True, timeout=20)
    assert api.bodies == [expected], done
    page.select_option("#code-kind", "python")
    python = page.locator("#panel-code pre").inner_text()
    compile(python, "snippet", "exec")
    found = re.search(r"json=(\{.*?\n    \}),", python, re.S)
    assert found is not None
    assert eval(found[1]) == expected
    page.select_option("#code-kind", "n8n")
    until(page, "document.querySelector('#panel-code pre').textContent.includes('nodes')")
    assert page.locator("#panel-code a[download]").get_attribute("href") == "/operations/caption/n8n.json"


def test_jobs_are_listed_filtered_paged_and_cancelled(page: Any, api: FakeApi) -> None:
    for number in range(25):
        done = {"status": "COMPLETED"} if number else {"status": "IN_PROGRESS"}
        api.jobs[f"job{number}"] = document(f"job{number}", "caption" if number % 2 else "img2vid", **done)
    page.goto("/play/jobs")
    page.wait_for_selector("tbody tr")
    assert page.locator("tbody tr").count() == 20
    page.click("#more")
    until(page, "document.querySelectorAll('tbody tr').length === 25")
    page.select_option("#operation", "caption")
    until(page, "document.querySelectorAll('tbody tr').length === 12")
    page.select_option("#operation", "")
    page.select_option("#status", "IN_PROGRESS")
    until(page, "document.querySelectorAll('tbody tr').length === 1")
    page.click("#cancel-job0")
    page.wait_for_selector("text=No jobs yet.")
    assert api.jobs["job0"].status == "CANCELLED"


def test_the_page_of_a_job_shows_it_and_says_when_there_is_none(page: Any, api: FakeApi) -> None:
    api.jobs["abc"] = document("abc", "img2vid", **api._end())
    page.goto("/play/jobs/abc")
    page.wait_for_selector("video")
    page.goto("/play/jobs/none")
    page.wait_for_selector(".notice.broken")
    assert "no such job" in page.locator("#job").inner_text()


def test_a_wrong_key_is_refused_and_the_right_one_opens_the_page(page: Any, api: FakeApi) -> None:
    api.logged_in = False
    page.goto("/play/caption")
    assert "/login" in page.url
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-fault:not([hidden])")
    page.fill("#key", "right")
    page.keyboard.press("Enter")
    page.wait_for_url("**/play/caption")


def test_a_plugin_that_is_installed_has_its_form(browser: Any, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "examples/apigpu-blur/src")
    registry = Registry.of([EntryPoint("blur", "apigpu_blur", "apigpu")])
    with served(fake_app(FakeApi(registry, media))) as address:
        page = browser.new_page()
        page.goto(address)
        page.click("text=Blur a video.")
        page.wait_for_selector("html[data-ready]")
        assert page.locator("form label", has_text="Sigma").is_visible()
        assert "Standard deviation" in page.locator("form").inner_text()
        page.close()


@pytest.mark.parametrize("path", ["/", "/play/img2vid", "/play/hard", "/play/pipeline", "/play/jobs", "/login"])
def test_a_narrow_screen_needs_no_sideways_scrolling(page: Any, api: FakeApi, path: str) -> None:
    api.jobs["a" * 36] = document("a" * 36, "img2vid -> addaudio -> caption")
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(path)
    page.wait_for_load_state("networkidle") if path == "/play/jobs" else None
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_pages_are_dark_for_who_wants_that(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 19, 23)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_enough(page: Any, api: FakeApi, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, "/play/img2vid")
    page.uncheck("#auto-preview")
    page.click("#run")
    media_input(page).fill(URL)
    page.click("#dry-run")
    page.wait_for_selector("#panel-plan svg .node")
    assert page.evaluate(CONTRAST) == []


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const isShown = walker.currentNode.textContent.trim() && element.checkVisibility();
    if (!isShown || element.closest("script, svg, :disabled")) continue;
    const both = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const [over, under] = both.sort((a, b) => b - a);
    if ((over + 0.05) / (under + 0.05) < 4.5) low.push(walker.currentNode.textContent.trim());
  }
  return low;
}"""


def test_portuguese_reaches_the_fields(browser: Any, site: str) -> None:
    context = browser.new_context(base_url=site, locale="pt-BR")
    page = context.new_page()
    opened(page, "/play/img2vid")
    assert page.locator("html").get_attribute("lang") == "pt"
    text = page.locator("form").inner_text()
    assert "Taxa de quadros" in text
    assert "Executar" in text
    page.click("#run")
    page.click("text=English")
    assert page.locator("html").get_attribute("lang") == "en"
    context.close()
