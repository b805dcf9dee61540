"""CPU seconds of whole process trees, taken in turn so that a busy machine disturbs all commands alike.

A ratio is the median over rounds of A's seconds by B's of the same round. Limits are told, never enforced: other
people's work on the machine must not fail anything here.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

from apigpu.ffmpeg.binary import Binaries, find_binaries


@dataclass(frozen=True)
class Options:
    runs: int
    quick: bool
    """Short inputs: to see that a benchmark works, not to quote its numbers."""


@dataclass(frozen=True)
class Command:
    name: str
    argv: Sequence[str]
    cwd: Path | None = None

    def __str__(self) -> str:
        """As one would type it beside the files: absolute paths are shown by their last part."""
        return shlex.join(re.sub(r"(?<!\w)/(?:[^/\s:=']+/)+", "", word) for word in self.argv)


@dataclass(frozen=True)
class Taken:
    """What one run took. `cpu_s` is user and system time of the program and of all that it waited for."""

    cpu_s: float
    wall_s: float
    stdout: bytes
    stderr: bytes


Rounds = dict[str, list[Taken]]


def options(description: str | None, *, runs: int = 3) -> Options:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs, help=f"rounds of measurement [default {runs}]")
    parser.add_argument("--quick", action="store_true", help="short inputs, to try the benchmark out")
    known = parser.parse_args()
    return Options(max(1, known.runs), known.quick)


def binaries() -> Binaries:
    """The FFmpeg of both sides: the one that apigpu finds."""
    return find_binaries(os.environ)


def take(command: Command) -> Taken:
    """Run to the end. Raises RuntimeError, with what it said, where it fails."""
    with TemporaryFile() as out, TemporaryFile() as err:
        begun = time.perf_counter()
        child = subprocess.Popen(command.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=command.cwd)
        # Not child.wait(): only wait4 tells what this one child took, its own children included.
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = err.read()
        if child.returncode:
            tail = said.decode(errors="replace").strip()[-2000:]
            raise RuntimeError(f"{command.name} ended with {child.returncode}: {tail}\n{command}")
        return Taken(usage.ru_utime + usage.ru_stime, wall_s, out.read(), said)


def in_turn(commands: Sequence[Command], runs: int) -> Rounds:
    """A B C A B C ...: what each command took in each round, by its name."""
    rounds: Rounds = {command.name: [] for command in commands}
    for number in range(runs):
        for command in commands:
            taken = take(command)
            note(f"round {number + 1} of {runs}: {command.name}: {taken.cpu_s:.2f} CPU s")
            rounds[command.name].append(taken)
    return rounds


def cpu_s(taken: Sequence[Taken]) -> float:
    return median(item.cpu_s for item in taken)


def wall_s(taken: Sequence[Taken]) -> float:
    return median(item.wall_s for item in taken)


def ratios(taken: Sequence[Taken], base: Sequence[Taken]) -> list[float]:
    return [a.cpu_s / b.cpu_s for a, b in zip(taken, base, strict=True)]


def compared(rounds: Rounds, base: str, limits: dict[str, float]) -> str:
    """A table of all commands against `base`; `limits` are the most that a ratio may be, by name."""
    rows = []
    for name, taken in rounds.items():
        times = ratios(taken, rounds[base])
        spread = f"{min(times):.3f} to {max(times):.3f}" if name != base else ""
        ratio = f"{median(times):.3f}" if name != base else "1"
        told = verdict(median(times), limits[name]) if name in limits else ""
        rows.append((name, f"{cpu_s(taken):.2f}", f"{wall_s(taken):.2f}", ratio, spread, told))
    return table(("", "CPU s", "wall s", f"x {base}", "lowest to highest", "limit"), rows)


def verdict(value: float, limit: float) -> str:
    return f"<= {limit:g}: {'kept' if value <= limit else 'MISSED'}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def heading(title: str, options: Options) -> str:
    """Title, and under which conditions the numbers below it came about."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    quick = " (--quick: not to be quoted)" if options.quick else ""
    return (
        f"## {title}{quick}\n\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_processor()} with {os.cpu_count()} CPUs, "
        f"load average at the start {load}, FFmpeg {binaries().version_text}, "
        f"Python {platform.python_version()}; median of {options.runs}.\n"
    )


def listed(commands: Sequence[Command]) -> str:
    """The command lines, for whoever wants to run them again."""
    return "\n".join(f"- {command.name}: `{command}`" for command in commands) + "\n"


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
