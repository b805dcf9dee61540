"""The demo's files: small, with sources named, and fitting one another."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MEDIA = EXAMPLES / "media"
CUE_TIME = re.compile(r"(\d\d):(\d\d):(\d\d),(\d{3})")


def narration_s() -> float:
    with wave.open(str(MEDIA / "narration.wav")) as sound:
        return sound.getnframes() / sound.getframerate()


def test_all_media_together_are_at_most_three_megabytes() -> None:
    assert sum(file.stat().st_size for file in MEDIA.iterdir()) <= 3_000_000


def test_every_file_has_a_source_and_every_source_a_file() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", (MEDIA / "SOURCES.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(file.name for file in MEDIA.iterdir() if file.suffix != ".md")


def test_the_narration_is_not_cut_and_little_silence_follows_it() -> None:
    first = json.loads((EXAMPLES / "demo.json").read_text(encoding="utf-8"))["steps"][0]
    length_s = sum(image["duration"] for image in first["images"])
    assert narration_s() <= length_s <= narration_s() + 2


def test_the_cues_are_in_order_and_within_the_narration() -> None:
    found = CUE_TIME.findall((MEDIA / "narration.srt").read_text(encoding="utf-8"))
    times_ms = [((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms) for h, m, s, ms in found]
    assert times_ms == sorted(set(times_ms))
    assert times_ms[-1] <= narration_s() * 1000
