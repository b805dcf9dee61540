"""The hook for share links: any plugin may bring it, alone or beside operations."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path

import pytest

from apigpu.registry import Registry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fetching.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def plugin(folder: Path, module: str, source: str) -> EntryPoint:
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[apigpu]\n{module} = {module}\n", encoding="utf-8")
    (point,) = PathDistribution(info).entry_points
    return point


def test_the_plugin_of_the_page_works(folder: Path) -> None:
    (source,) = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    registry = Registry.of([plugin(folder, "acme_nextcloud", source)])
    assert (registry.operations, registry.failures) == ({}, ())
    (resolver,) = registry.resolvers
    assert (resolver.plugin, resolver.distribution) == ("acme_nextcloud", "acme_nextcloud")
    share = "https://cloud.example.com/s/abcdefghij12345"
    assert resolver.resolve(share) == f"{share}/download"
    assert resolver.resolve("https://example.com/s/abcdefghij12345") is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("from apigpu import hookimpl\n@hookimpl\ndef apigpu_resolve_url(wrong): ...", "wrong"),
        ("def apigpu_resolve_url(url): ...", "it implements no apigpu_operations hook"),
    ],
)
def test_a_resolver_that_breaks_the_contract_is_a_failure_of_its_plugin(folder: Path, source: str, said: str) -> None:
    registry = Registry.of([plugin(folder, f"acme_bad_{len(said)}", source)])
    assert registry.resolvers == ()
    assert said in registry.failures[0].error
