"""The fragments of the changelog."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRAGMENT = re.compile(r"(?:\+[a-z0-9-]+|\d+)\.(?:feature|change|fix)(?:\.\d+)?\.md")


def test_every_fragment_is_named_so_that_towncrier_takes_it() -> None:
    names = [file.name for file in (ROOT / "changelog.d").iterdir() if file.name != "README.md"]
    assert [name for name in names if not FRAGMENT.fullmatch(name)] == []


def test_towncrier_makes_a_page_of_them() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "0", "--date", "today"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for fragment in (ROOT / "changelog.d").glob("*.feature.md"):
        assert fragment.read_text(encoding="utf-8").strip().split("\n")[0][:40] in done.stdout
