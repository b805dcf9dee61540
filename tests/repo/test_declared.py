"""What a distribution imports it declares, and what it declares it imports."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = ("core", "plugins/caption", "plugins/img2vid", "plugins/addaudio", "runtime")


def imported(folder: Path) -> set[str]:
    """Distributions that the modules under a folder import, the standard library and their own package left out."""
    own = {file.name for file in folder.iterdir()}
    names = {name for file in folder.rglob("*.py") for name in _imports(file)}
    known = {**packages_distributions(), "apigpu": ["apigpu-core"], "pydantic_core": ["pydantic"]}
    found = names - own - sys.stdlib_module_names
    return {canonicalize_name(known.get(name, [name])[0]) for name in found}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def declared(member: str) -> set[str]:
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = (line for lines in project.get("optional-dependencies", {}).values() for line in lines)
    return {canonicalize_name(Requirement(line).name) for line in [*project["dependencies"], *optional]}


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_declares_what_it_imports_and_nothing_else(member: str) -> None:
    # Input models are pydantic's by core's contract: a plugin gets it with core.
    brought_by_core = {"pydantic"} if member.startswith("plugins/") else set()
    assert imported(ROOT / member / "src") - brought_by_core == declared(member)
