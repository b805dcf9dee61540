"""The pages as a server sends them, without a browser."""

from __future__ import annotations

import json
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apigpu.registry import Registry
from apigpu_runtime.job import Options
from apigpu_runtime.playground.headers import media_origins
from apigpu_runtime.playground.languages import NAMES, language
from apigpu_runtime.playground.pages import playground_routes, safe_next
from apigpu_runtime.playground.static_files import static_digest, static_files
from apigpu_runtime.storage.folder import FolderStorage

SOURCE = Path(__file__).resolve().parents[2] / "runtime/src/apigpu_runtime/playground"


def client(registry: Registry, *, needs_login: bool = False, root: str = "") -> TestClient:
    routes = playground_routes(
        registry,
        version="1.2.3",
        needs_login=lambda request: needs_login,
        uses_keys=lambda: needs_login,
        media_origins=["https://bucket.example.com"],
    )
    return TestClient(Starlette(routes=routes), root_path=root, follow_redirects=False)


def page_data(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="page">(.*?)</script>', text, re.S)
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_overview_lists_every_operation_and_every_broken_plugin(registry: Registry) -> None:
    text = client(registry).get("/").text
    for operation in registry.operations.values():
        assert f'href="/play/{operation.name}"' in text
        assert operation.summary in text
    assert "playground_no_such_module" in text


def test_a_form_page_carries_pydantics_own_schema(registry: Registry) -> None:
    for name, operation in registry.operations.items():
        data = page_data(client(registry).get(f"/play/{name}").text)
        assert data["schema"] == operation.input.model_json_schema()
        assert data["options"] == Options.model_json_schema()


def test_an_unknown_operation_is_404_and_a_broken_one_says_why(registry: Registry) -> None:
    answer = client(registry).get("/play/broken")
    assert answer.status_code == 404
    assert "playground_no_such_module" in answer.text
    assert "ModuleNotFoundError" not in client(registry).get("/play/nothing").text


def test_what_a_plugin_says_is_text_and_never_markup() -> None:
    evil = EntryPoint("<script>alert(1)</script>", "playground_no_such_module", "apigpu")
    text = client(Registry.of([evil])).get("/").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_what_stands_in_an_address_is_text_too(registry: Registry) -> None:
    text = client(registry).get("/play/jobs/%3Cscript%3Ealert(1)").text
    assert "<script>alert" not in text
    assert page_data(text)["jobId"] == "<script>alert(1)"
    assert "<b>" not in client(registry).get("/play/%3Cb%3E").text


@pytest.mark.parametrize(
    ("headers", "query", "code"),
    [
        ({}, "", "en"),
        ({"accept-language": "pt-BR,pt;q=0.9,en;q=0.8"}, "", "pt"),
        ({"accept-language": "en;q=0.5, pt;q=0.6"}, "", "pt"),
        ({"accept-language": "de, fr;q=nonsense"}, "", "en"),
        ({"accept-language": "pt"}, "?lang=en", "en"),
        ({"cookie": "apigpu_language=pt"}, "", "pt"),
        ({"cookie": "apigpu_language=xx"}, "?lang=yy", "en"),
    ],
)
def test_the_language_is_the_readers(registry: Registry, headers: dict[str, str], query: str, code: str) -> None:
    answer = client(registry).get(f"/{query}", headers=headers)
    assert f'<html lang="{code}">' in answer.text
    assert answer.headers["vary"] == "Accept-Language, Cookie"


def test_a_language_once_chosen_stays(registry: Registry) -> None:
    browser = client(registry)
    browser.get("/?lang=pt")
    assert '<html lang="pt">' in browser.get("/play/jobs").text


def test_both_languages_say_the_same_things() -> None:
    languages = [language(code) for code in NAMES]
    for other in languages:
        assert other.sentences.keys() == languages[0].sentences.keys()
        for key, sentence in other.sentences.items():
            places = re.findall(r"{\w+}", sentence)
            assert sorted(places) == sorted(re.findall(r"{\w+}", languages[0].sentences[key])), key


def test_every_sentence_that_pages_and_scripts_use_exists() -> None:
    files = [*SOURCE.glob("templates/*.html"), *SOURCE.glob("static/js/*.js")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    used = {key for key in re.findall(r"\bt\(\s*[\"'](\w+)[\"']", text) if not key.endswith("_")}
    assert len(used) > 50
    assert used <= language("en").sentences.keys()


def test_operations_that_come_along_speak_portuguese(registry: Registry) -> None:
    known = language("pt")
    for name in ("addaudio", "caption", "img2vid"):
        operation = registry.operations[name]
        assert operation.summary in known.help
        assert _untranslated(operation.input.model_json_schema(), known.help) == []
    assert _untranslated(Options.model_json_schema(), known.help) == []


def _untranslated(part: object, known: object) -> list[str]:
    """Descriptions of fields without a translation."""
    if isinstance(part, list):
        return [text for item in part for text in _untranslated(item, known)]
    if not isinstance(part, dict):
        return []
    found = [text for value in part.values() for text in _untranslated(value, known)]
    described = [value["description"] for value in part.get("properties", {}).values() if "description" in value]
    assert isinstance(known, dict)
    return [*found, *(text for text in described if text not in known)]


def test_pages_forbid_the_browser_everything_they_do_not_need(registry: Registry) -> None:
    policy = client(registry).get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert "media-src 'self' blob: https://bucket.example.com" in policy
    assert "frame-ancestors 'none'" in policy


def test_videos_may_come_from_the_store_and_from_its_public_address(tmp_path: Path) -> None:
    store = FolderStorage(tmp_path, "https://videos.example.com:8443/files", b"secret" * 6)
    found = media_origins(store, "https://cdn.example.com/v/")
    assert found == ["https://videos.example.com:8443", "https://cdn.example.com"]
    assert media_origins(None) == []


def test_no_page_has_inline_script_or_style(registry: Registry) -> None:
    for path in ("/", "/play/caption", "/play/pipeline", "/play/jobs", "/play/jobs/abc", "/login", "/play/nothing"):
        text = client(registry).get(path).text
        scripts = re.findall(r"<script([^>]*)>", text)
        assert all("src=" in attributes or "application/json" in attributes for attributes in scripts)
        assert not re.search(r"<style|\sstyle=|\son\w+=", text)


def test_who_must_log_in_comes_back_to_where_they_wanted_to_go(registry: Registry) -> None:
    answer = client(registry, needs_login=True).get("/play/caption")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fplay%2Fcaption"
    login = client(registry, needs_login=True).get(answer.headers["location"])
    assert 'name="next" value="/play/caption"' in login.text


@pytest.mark.parametrize(
    "address", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", "/a\nb"]
)
def test_the_login_leads_to_no_other_host(address: str) -> None:
    assert safe_next(address) == "/"


def test_behind_a_prefix_every_link_has_it(registry: Registry) -> None:
    text = client(registry, root="/video-server").get("/video-server/").text
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', text)
    assert links
    assert all(link.startswith("/video-server/") for link in links)


def test_static_files_are_kept_by_their_digest_and_checked_by_their_tag(registry: Registry) -> None:
    browser = client(registry)
    current = browser.get(f"/static/{static_digest()}/js/form.js")
    assert "immutable" in current.headers["cache-control"]
    assert current.headers["content-type"].startswith("text/javascript")
    assert current.headers["content-encoding"] == "gzip"
    again = browser.get("/static/other/js/form.js", headers={"if-none-match": current.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["%2e%2e/pages.py", "..%2fpages.py", "js", "", "js/none.js"])
def test_nothing_else_is_a_static_file(registry: Registry, path: str) -> None:
    assert client(registry).get(f"/static/x/{path}").status_code == 404


def test_every_script_imports_files_that_exist() -> None:
    for path, file in static_files().items():
        if path.startswith("js/"):
            for name in re.findall(r'from "\./(\w+\.js)"', file.content.decode()):
                assert f"js/{name}" in static_files()


def test_no_page_names_another_host(registry: Registry) -> None:
    for path, file in static_files().items():
        if not path.startswith("vendor/"):
            hosts = set(re.findall(rb"https?://[\w.-]+", file.content))
            assert hosts <= {b"http://www.w3.org"}, path


def test_a_pipelines_schema_has_every_operation_and_no_clash_of_names(registry: Registry) -> None:
    schema = page_data(client(registry).get("/play/pipeline").text)["schema"]
    assert isinstance(schema, dict)
    definitions = schema["$defs"]
    assert registry.operations.keys() <= definitions.keys()
    assert definitions["caption"]["mainField"] == "url_video"
    references = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)))
    assert references <= definitions.keys()
