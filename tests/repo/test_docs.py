"""The README and the pages under docs/: what they show works, what they link to is there, nothing is left out."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apigpu import hooks
from apigpu.registry import Registry
from apigpu_runtime.cli import main
from apigpu_runtime.cli.serve import parse
from apigpu_runtime.settings import Settings
from cli_support import SRT, make

ROOT = Path(__file__).resolve().parents[2]
BLUR = ROOT / "examples" / "apigpu-blur"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
SMALL = {"width": 320, "height": 180}  # pictures of this size keep the test quick
SETTING = re.compile(r"\bAPIGPU_[A-Z_]+\b")


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def snippets(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found, text in FENCE.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield page, text


def commands() -> list[str]:
    lines = [line for _, text in snippets("sh") for line in text.replace("\\\n", " ").splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith("apigpu ")))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all the files that the documents speak of, small."""
    folder = tmp_path_factory.mktemp("desk")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-pix_fmt", "yuv420p", "talk.mp4")
    make(folder, "-f", "lavfi", "-i", "sine=d=2", "voice.mp3")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=640x360", "-frames:v", "1", "beach.jpg")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=360x640", "-frames:v", "1", "tower.jpg")
    shutil.copy(folder / "talk.mp4", folder / "demo.mp4")
    (folder / "talk.srt").write_text(SRT, encoding="utf-8")
    request = json.loads(next(text for page, text in snippets("json") if page.name == "README.md"))
    request["steps"][0] |= SMALL
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    return folder


@pytest.fixture
def blur_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin of the tutorial, as an installed distribution."""
    shutil.copy(BLUR / "src" / "apigpu_blur.py", tmp_path)
    facts = tmp_path / "apigpu_blur-0.1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: apigpu-blur\nVersion: 0.1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text("[apigpu]\nblur = apigpu_blur\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("line", commands())
def test_every_apigpu_command_in_the_documents_works(
    line: str, desk: Path, blur_installed: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("APIGPU_DATA_DIR", str(desk / "data"))
    words = shlex.split(line, comments=True)[1:]
    if words[0] == "serve":  # it would not end: tests/serve runs it, here it is only understood
        assert parse(words[1:], Settings.from_environment({"RUNPOD_API_KEY": "key"}))
        return
    if "img2vid" in words:
        words += [f"--{name}={value}" for name, value in SMALL.items()]
    status = main(words)
    told = capfd.readouterr()
    assert status == 0, told.err


def test_every_script_that_the_documents_call_is_there() -> None:
    lines = [line for _, text in snippets("sh") for line in text.splitlines()]
    called = {line.split()[0] for line in lines if line.startswith("scripts/")}
    called |= {name for page in PAGES for name in re.findall(r"`(scripts/[\w-]+)", page.read_text(encoding="utf-8"))}
    assert called
    assert [name for name in sorted(called) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file_of_the_repository(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(("page", "text"), [*snippets("json")], ids=lambda item: getattr(item, "name", ""))
def test_every_request_shown_is_one_that_its_operations_take(page: Path, text: str, blur_installed: None) -> None:
    registry = Registry.discover()
    for number, step in enumerate(json.loads(text)["steps"]):
        item = registry.get(step.pop("operation"))
        if number:
            assert item.main_field is not None
            step[item.main_field] = "the result before"
        item.input.model_validate_json(json.dumps(step))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "tutorial-plugin.md"], ids=named)
def test_the_plugin_shown_is_the_one_that_lies_in_examples(page: Path) -> None:
    _, code = (BLUR / "src" / "apigpu_blur.py").read_text(encoding="utf-8").split('"""\n\n', 1)
    assert code in [text for found, text in snippets("python") if found == page]


def test_a_plugin_is_about_twenty_lines() -> None:
    lines = (BLUR / "src" / "apigpu_blur.py").read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 20


def test_the_reference_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_operation_that_ships_has_a_section_and_a_request() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [name for name in Registry.discover().operations if f"## {name}\n" not in page] == []


def test_every_hook_is_in_the_tutorial() -> None:
    page = (ROOT / "docs" / "tutorial-plugin.md").read_text(encoding="utf-8")
    specified = [name for name in vars(hooks) if name.startswith("apigpu_")]
    assert specified
    assert [name for name in specified if f"`{name}(" not in page] == []


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    sources = [file for part in ("core", "plugins", "runtime", "tests") for file in (ROOT / part).rglob("*.py")]
    known = {name for file in sources for name in SETTING.findall(file.read_text(encoding="utf-8"))}
    told = set(SETTING.findall((ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))
    assert told == known, (sorted(told - known), sorted(known - told))


def test_the_pictures_are_small() -> None:
    assert sum(file.stat().st_size for file in (ROOT / "docs" / "images").iterdir()) <= 800_000
