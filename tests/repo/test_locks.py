"""The lock files and the pyproject files say the same, and no tracked file names a package registry."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = sorted(
    file for pattern in ("core", "plugins/*", "runtime") for file in ROOT.glob(f"{pattern}/pyproject.toml")
)
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-ffmpeg.lock")
ADDRESS = re.compile(r"://[^\s\"']*(?:py" + r"pi\.|python" + r"hosted|npm" + r"js|/simple\b)", re.IGNORECASE)


def pins(lock: str) -> list[Requirement]:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return [Requirement(line.split(" --hash=")[0].strip()) for line in text.splitlines() if line.strip()]


def requirements(pyproject: Path, *extras: str) -> Iterator[Requirement]:
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    for line in [*project.get("dependencies", ()), *(line for extra in extras for line in optional[extra])]:
        requirement = Requirement(line.replace("{root:uri}", "file:///here"))
        if not canonicalize_name(requirement.name).startswith("apigpu"):
            yield requirement


def group(*names: str) -> Iterator[Requirement]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    for name in names:
        yield from map(Requirement, groups[name])


def needed(lock: str) -> list[Requirement]:
    """What the lock must pin at least."""
    wanted = [*group("build"), *(item for file in MEMBERS for item in requirements(file))]
    wanted += requirements(ROOT / "core" / "pyproject.toml", "heif")
    if lock == "requirements-dev.lock":
        wanted += group("dev")
    if lock != "requirements.lock":
        wanted += requirements(ROOT / "pyproject.toml", "ffmpeg")
    return wanted


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_whatever_the_pyprojects_ask_for(lock: str) -> None:
    pinned: dict[str, list[str]] = {}
    for pin in pins(lock):
        versions = [str(item.version) for item in pin.specifier]
        pinned.setdefault(canonicalize_name(pin.name), []).extend(versions)
    stale = [
        str(item)
        for item in needed(lock)
        if not any(item.specifier.contains(version) for version in pinned.get(canonicalize_name(item.name), ()))
    ]
    assert not stale, f"run scripts/lock: {lock} does not pin {stale}"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_with_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    entries = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    assert [line for line in entries if "==" not in line or "--hash=sha256:" not in line] == []


def test_no_tracked_file_names_a_package_registry() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True, encoding="utf-8", timeout=30
    )
    tracked = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert [str(file) for file in tracked if file.is_file() and ADDRESS.search(_text(file))] == []


def test_the_lock_of_uv_is_ignored() -> None:
    assert "uv.lock" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="replace")
