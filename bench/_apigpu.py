"""The command line under measurement, and the FFmpeg command that it plans."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from _measure import Command, Taken, binaries, cpu_s, take

APIGPU = Path(sys.executable).parent / "apigpu"


def apigpu(name: str, *words: str) -> Command:
    return Command(name, [str(APIGPU), *words])


def rendering(name: str, words: Sequence[str], output: Path) -> Command:
    """`apigpu render WORDS -o OUTPUT`; what it prints tells `own_cpu_s` of the FFmpeg in it."""
    return apigpu(name, "render", *words, "-o", str(output), "--target", "cpu", "--json")


def planned(words: Sequence[str], folder: Path) -> list[str]:
    """Arguments of the FFmpeg run that `apigpu plan WORDS` gives, to be run in `folder`; the output is last."""
    done = take(apigpu("planning", "plan", *words, "--target", "cpu", "--format", "json", "--assets", str(folder)))
    steps = json.loads(done.stdout)["steps"]
    assert len(steps) == 1, "these benchmarks compare single runs of FFmpeg"
    return [str(argument) for argument in steps[0]["arguments"]]


def planned_run(name: str, words: Sequence[str], folder: Path, output: Path) -> Command:
    """The planned FFmpeg command alone, without the apigpu that plans it."""
    return Command(name, [binaries().ffmpeg, *planned(words, folder)[:-1], str(output)], folder)


def own_cpu_s(taken: Sequence[Taken]) -> str:
    """Where the seconds of whole `rendering`s went: into their FFmpeg, and into Python, probing and planning."""
    inside = median(json.loads(item.stdout)["cpu_s"] for item in taken)
    own = median(item.cpu_s - json.loads(item.stdout)["cpu_s"] for item in taken)
    return (
        f"Of the whole {cpu_s(taken):.2f} CPU s, FFmpeg took {inside:.2f}; Python, probing and planning {own:.2f}, "
        f"which is {own / inside:.1%} of it."
    )
