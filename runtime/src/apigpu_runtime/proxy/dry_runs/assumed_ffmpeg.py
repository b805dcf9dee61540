"""The FFmpeg that dry runs assume on a server that has none: written down by scripts/assumed_ffmpeg.py."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from apigpu.ffmpeg.capabilities import Capabilities


@cache
def assumed_capabilities() -> Capabilities:
    """What a worker's FFmpeg can do at least."""
    text = files("apigpu_runtime.proxy").joinpath("static", "assumed-ffmpeg.json").read_text(encoding="utf-8")
    facts = json.loads(text)
    major, minor, patch = facts.pop("version")
    return Capabilities.stated(**facts, version=(major, minor, patch))
