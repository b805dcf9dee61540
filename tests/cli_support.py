"""What the tests of the command line share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SRT = "1\n00:00:00,200 --> 00:00:01,500\nHello there\n"


@dataclass(frozen=True)
class Answer:
    """How one call of the command line ended."""

    status: int
    out: str
    err: str


Call = Callable[..., Answer]


def make(folder: Path, *arguments: str) -> None:
    """Run ffmpeg in a folder."""
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y", *arguments]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
