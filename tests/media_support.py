"""Types of the fixtures of `tests/media`, for annotations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from apigpu.media.facts import MediaFile

Prober = Callable[..., MediaFile]
"""Facts of (path, kind="video", limits=None)."""
Maker = Callable[..., Path]
"""A file made by ffmpeg from (name, *argv)."""
Halver = Callable[[Path], Path]
