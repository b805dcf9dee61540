"""What the pages under docs/ send with curl works, word for word, against a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from serve_support import Server

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    return [block for block in FENCE.findall(page.read_text("utf-8")) if "curl " in block]


PAGES = [page for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))] if blocks(page)]
REFUSED = {"serve.md": 1, "dry-run.md": 1, "uploads.md": 1}
"""How many calls of a page are refused: to show it, or since nothing lies at example.com."""

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.xdist_group("serve"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_call_on_the_page_is_answered(page: Path, server: Server, desk: Path, tmp_path: Path) -> None:
    for file in desk.iterdir():
        (tmp_path / file.name).symlink_to(file)
    script = "\n".join(blocks(page)).replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    assert done.stdout.count('"about:blank"') == REFUSED.get(page.name, 0), done.stdout
    for answer in tmp_path.glob("*.json"):
        assert json.loads(answer.read_text("utf-8")), answer.name
