"""Discovery: a broken plugin hurts nobody and is never silent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path

import pytest

from apigpu.errors import InputError
from apigpu.registry import Registry

WORKING = '''
from apigpu import Clip, Input, Media, VideoUrl, hookimpl, operation

class {cls}(Input):
    url_video: VideoUrl

@operation("{name}")
def build(request: {cls}, media: Media) -> Clip:
    """Do {name}."""
    return media.video(request.url_video)

@hookimpl
def apigpu_operations():
    return [build]
'''


class Plugins:
    """Distributions with an entry point each, in a folder that is importable during one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, distribution: str, module: str, source: str) -> EntryPoint:
        (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        info = self.folder / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(f"[apigpu]\n{module} = {module}\n", encoding="utf-8")
        (point,) = PathDistribution(info).entry_points
        return point


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Plugins(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def working(name: str) -> str:
    return WORKING.format(name=name, cls=f"{name.title()}Input")


def test_an_installed_plugin_is_found_with_its_distribution(plugins: Plugins) -> None:
    registry = Registry.of([plugins.add("acme-shine", "acme_shine", working("shine"))])
    assert registry.failures == ()
    assert registry.get("shine").summary == "Do shine."
    assert (registry.get("shine").distribution, registry.get("shine").version) == ("acme-shine", "1.0")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemError('no')", "SystemError: no"),
        ("x = 1", "it implements no apigpu_operations hook"),
        (working("x").replace("apigpu_operations", "apigpu_operation"), "unknown hook 'apigpu_operation'"),
        (working("x").replace("return [build]", "raise ValueError('late')"), "ValueError: late"),
        (working("x").replace("return [build]", "return [print]"), "decorate the function with @operation"),
        (working("x").replace("request: XInput", "request: int"), "Annotate the first parameter"),
        (working("x").replace('"""Do x."""', "pass"), "operation x has no docstring"),
        (working("x").replace('("x")', '("Big Name")'), "cannot name an operation"),
        (working("pipeline"), "the name 'pipeline' is apigpu's own"),
    ],
)
def test_a_broken_plugin_is_reported_and_hurts_nobody(plugins: Plugins, source: str, said: str) -> None:
    points = [plugins.add("acme-bad", "acme_bad", source), plugins.add("acme-good", "acme_good", working("good"))]
    registry = Registry.of(points)
    assert list(registry.operations) == ["good"]
    (failure,) = registry.failures
    assert (failure.plugin, failure.distribution) == ("acme_bad", "acme-bad")
    assert said in failure.error


def test_two_distributions_that_claim_one_name_are_both_named_and_neither_is_used(plugins: Plugins) -> None:
    points = [plugins.add(f"acme-{word}", f"acme_{word}", working("same")) for word in ("one", "two", "three")]
    registry = Registry.of(points)
    assert registry.operations == {}
    assert registry.failures[0].error == "acme-one and acme-two claim the operation 'same'; none of them is used."
    assert "acme-one and acme-two and acme-three" in registry.failures[1].error


def test_an_unknown_operation_is_answered_with_the_nearest_name(plugins: Plugins) -> None:
    registry = Registry.of([plugins.add("acme-shine", "acme_shine", working("shine"))])
    with pytest.raises(InputError, match="Did you mean 'shine'"):
        registry.get("shin")
    with pytest.raises(InputError, match="There are: shine"):
        registry.get("zzz")


def test_the_operation_of_a_broken_plugin_is_answered_with_its_failure(plugins: Plugins) -> None:
    registry = Registry.of([plugins.add("acme-shine", "shine", "import nowhere_to_be_found")])
    with pytest.raises(InputError, match="failed to load: ModuleNotFoundError"):
        registry.get("shine")


def test_a_plugin_can_be_switched_off_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "caption" in Registry.discover(disabled=()).operations
    monkeypatch.setenv("APIGPU_DISABLED_PLUGINS", "caption, nobody")
    assert "caption" not in Registry.discover().operations


def test_discovering_the_plugins_pulls_in_nothing_heavy() -> None:
    from apigpu.ffmpeg.process import capture_sync

    heavy = "'ffmpeg runpod numpy PIL pysubs2 chardet httpx2 rich'.split()"
    loaded = f"print([name for name in {heavy} if name in sys.modules])"
    code = f"import sys; from apigpu.registry import Registry; Registry.discover(); {loaded}"
    done = capture_sync([sys.executable, "-c", code], timeout_s=30)
    assert done.stdout.decode().strip() == "[]"
