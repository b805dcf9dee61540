"""How the command line speaks: errors as sentences or JSON, and progress in three dresses."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from apigpu.errors import ApiGpuError, FFmpegError

if TYPE_CHECKING:
    from apigpu.ffmpeg.progress import Progress

OnProgress = Callable[["Progress"], None]
_PLAIN_STEP = 0.1
_PLAIN_INTERVAL_S = 2.0
_STDERR_LINES = 8


def print_error(error: ApiGpuError, *, as_json: bool) -> None:
    """The error as JSON on stdout for machines, or as a sentence on stderr for people."""
    if as_json:
        print(json.dumps({"error": error_document(error)}, indent=2))
        return
    print(f"error: {error}", file=sys.stderr)
    if isinstance(error, FFmpegError) and error.code == "ffmpeg_failed":
        for line in error.stderr_tail.strip().splitlines()[-_STDERR_LINES:]:
            print(f"  ffmpeg: {line}", file=sys.stderr)


def error_document(error: ApiGpuError) -> dict[str, Any]:
    """What machines are told of an error."""
    document: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "remedy": error.remedy,
    }
    if isinstance(error, FFmpegError):
        document |= {
            "fault": error.fault,
            "exit_code": error.exit_code,
            "argv": list(error.argv),
            "stderr_head": error.stderr_head,
            "stderr_tail": error.stderr_tail,
        }
    return document


@contextmanager
def shown_progress(title: str, *, as_json: bool, stream: TextIO | None = None) -> Iterator[OnProgress]:
    """A callback that shows progress on stderr: JSON lines, a bar on a terminal, or plain lines."""
    target = stream or sys.stderr
    if as_json:
        yield _Throttled(lambda progress: _print_json(progress, target))
    elif target.isatty():
        with _bar(title, target) as update:
            yield update
    else:
        yield _Throttled(lambda progress: print(plain_line(progress), file=target, flush=True))


def plain_line(progress: Progress) -> str:
    """`42 %, frame 630, 3.1x, 12 s left`, without what is not known."""
    parts = [f"{progress.fraction:4.0%}" if progress.fraction is not None else "    "]
    if progress.frame:
        parts.append(f"frame {progress.frame}")
    if progress.speed:
        parts.append(f"{progress.speed:.3g}x")
    if progress.eta_s is not None:
        parts.append(f"{progress.eta_s:.0f} s left")
    return ", ".join(parts)


class _Throttled:
    """Passes on what is worth a line: the end, a tenth more, or two seconds since the last one."""

    def __init__(self, show: OnProgress) -> None:
        self._show = show
        self._fraction = -1.0
        self._time_s = -_PLAIN_INTERVAL_S

    def __call__(self, progress: Progress) -> None:
        now_s, fraction = time.monotonic(), progress.fraction or 0.0
        is_worth = fraction >= self._fraction + _PLAIN_STEP or fraction >= 1
        if self._fraction < 1 and (is_worth or now_s >= self._time_s + _PLAIN_INTERVAL_S):
            self._fraction, self._time_s = fraction, now_s
            self._show(progress)


def _print_json(progress: Progress, target: TextIO) -> None:
    document = {
        "fraction": progress.fraction,
        "frame": progress.frame,
        "speed": progress.speed,
        "eta_s": progress.eta_s,
    }
    print(json.dumps({"progress": document}), file=target, flush=True)


@contextmanager
def _bar(title: str, target: TextIO) -> Iterator[OnProgress]:
    # Imported here: rich costs more CPU than everything else that a short command does.
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(compact=True),
    )
    with RichProgress(*columns, console=Console(file=target), transient=True) as bar:
        task = bar.add_task(title, total=1.0, note="")

        def update(progress: Progress) -> None:
            note = f"{progress.speed:.3g}x" if progress.speed else ""
            bar.update(task, completed=progress.fraction or 0.0, note=note)

        yield update
