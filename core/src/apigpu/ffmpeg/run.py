"""One FFmpeg run from its start to its end: progress, a watchdog, and a failure that says what it means."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apigpu.errors import FFmpegError
from apigpu.ffmpeg.failures import Failure, classify, spoils_success
from apigpu.ffmpeg.process import Child, Exit, spawn
from apigpu.ffmpeg.progress import OnProgress, ProgressReader
from apigpu.ffmpeg.stderr import StderrKeeper

_CHUNK = 1 << 16
_BUSY_SHARE = 0.05
_MOST_PERIODS = 10
_ALMOST_FULL_BYTES = 1 << 20
# `level+` puts [error] or [warning] before each line. Below warnings FFmpeg prints the media's own titles
# and comments, which must not be taken for its messages.
_GLOBALS = ("-progress", "pipe:1", "-nostats", "-stats_period", "0.2", "-nostdin", "-hide_banner")
_LOGLEVEL = ("-loglevel", "level+warning")


@dataclass(frozen=True)
class RunResult:
    """What a run took. `stderr_tail` is empty where `stderr_head` (4 kB) holds the whole log."""

    exit_code: int
    wall_s: float
    user_s: float
    system_s: float
    max_rss_bytes: int
    frames: int
    stderr_head: str
    stderr_tail: str

    @property
    def log(self) -> str:
        """All that was kept of stderr."""
        return f"{self.stderr_head}\n{self.stderr_tail}"


def with_progress(argv: Sequence[str]) -> list[str]:
    """`argv` with the global options that `run` needs put behind the program's name.

    What `argv` itself says later wins, so a step that must read FFmpeg's own output may say `-loglevel info`.
    """
    return [argv[0], *_GLOBALS, *_LOGLEVEL, *argv[1:]]


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    duration_s: float | None,
    on_progress: OnProgress | None = None,
    stall_timeout_s: float = 60.0,
    timeout_s: float | None = None,
) -> RunResult:
    """Run FFmpeg to its end in a process group of its own; cancelling kills the group within 2 s.

    `duration_s` is that of the output, for the fraction in the reports. `argv` must leave stdout alone.

    Raises:
        FFmpegError: the run failed; its code, sentence and fault come from `apigpu.ffmpeg.failures`, or are
            `stalled` (the output did not grow for `stall_timeout_s`) or `timeout`.
        SetupError: the program cannot be started.
    """
    log, reader, started = StderrKeeper(), ProgressReader(duration_s), time.monotonic()
    try:
        async with asyncio.timeout(timeout_s), spawn(with_progress(argv), cwd=cwd) as child:
            await _follow(child, log, reader, on_progress, stall_timeout_s)
            ended = await child.wait()
    except TimeoutError:
        raise _error(_timeout(timeout_s), argv, log, None) from None
    except _Stalled:
        raise _error(_stalled(stall_timeout_s, reader), argv, log, None) from None
    if failure := _failure(ended, log, cwd, argv):
        raise _error(failure, argv, log, ended.exit_code)
    return RunResult(
        exit_code=ended.exit_code,
        wall_s=time.monotonic() - started,
        user_s=ended.user_s,
        system_s=ended.system_s,
        max_rss_bytes=ended.max_rss_bytes,
        frames=reader.frame,
        stderr_head=log.head,
        stderr_tail=log.tail,
    )


class _Stalled(Exception):
    pass


class _Patience:
    """How long a child that shows no progress is waited for.

    One that is computing is given more time, since FFmpeg decodes and scales the first frame of every input before
    it writes any: a hundred photographs take minutes on a busy machine. But not for ever, since a damaged file can
    make a decoder spin.
    """

    def __init__(self, child: Child, reader: ProgressReader, stall_timeout_s: float) -> None:
        self._child = child
        self._reader = reader
        self._timeout_s = stall_timeout_s
        self._cpu_s = 0.0
        self._looked_idle_s = 0.0

    def left_s(self) -> float:
        """Seconds until the next look."""
        return max(self._looked_idle_s + self._timeout_s - self._reader.idle_s, 0.0)

    def lasts(self) -> bool:
        """False where the child has neither shown progress nor computed since the last look."""
        idle_s = self._reader.idle_s
        if idle_s < self._timeout_s:
            self._looked_idle_s = 0.0
            return True
        if idle_s < self._looked_idle_s + self._timeout_s:
            return True
        cpu_s, before_s = self._child.cpu_s(), self._cpu_s
        self._cpu_s, self._looked_idle_s = cpu_s, idle_s
        return cpu_s - before_s >= _BUSY_SHARE * self._timeout_s and idle_s < _MOST_PERIODS * self._timeout_s


async def _follow(
    child: Child, log: StderrKeeper, reader: ProgressReader, on_progress: OnProgress | None, stall_timeout_s: float
) -> None:
    tasks = {
        asyncio.create_task(_read_progress(child, reader, on_progress)),
        asyncio.create_task(_read_log(child, log)),
    }
    try:
        pending, patience = tasks, _Patience(child, reader, stall_timeout_s)
        while pending:
            done, pending = await asyncio.wait(
                pending, timeout=patience.left_s(), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            if not done and not patience.lasts():
                raise _Stalled
    finally:
        for task in tasks:
            task.cancel()


async def _read_progress(child: Child, reader: ProgressReader, on_progress: OnProgress | None) -> None:
    unfinished = b""
    while chunk := await child.stdout.read(_CHUNK):
        *lines, unfinished = (unfinished + chunk).split(b"\n")
        for line in lines:
            report = reader.feed(line.decode("ascii", "replace"))
            if report and on_progress:
                on_progress(report)


async def _read_log(child: Child, log: StderrKeeper) -> None:
    while chunk := await child.stderr.read(_CHUNK):
        log.feed(chunk)


def _failure(ended: Exit, log: StderrKeeper, cwd: Path, argv: Sequence[str]) -> Failure | None:
    if ended.exit_code == 0:
        return spoils_success(log.text)
    failure = classify(log.text, ended.exit_code)
    if failure.fault == "unknown" and _disk_is_full(cwd, Path(argv[-1])):
        return classify("No space left on device", ended.exit_code)
    return failure


def _disk_is_full(cwd: Path, output: Path) -> bool:
    for folder in {cwd, (cwd / output).parent}:
        try:
            disk = os.statvfs(folder)
        except OSError:
            continue
        if disk.f_bavail * disk.f_frsize < _ALMOST_FULL_BYTES:
            return True
    return False


def _timeout(timeout_s: float | None) -> Failure:
    return Failure(
        "timeout",
        f"FFmpeg did not finish within {timeout_s:g} seconds and was stopped.",
        "Ask for a shorter or smaller result, or allow more time.",
        "unknown",
    )


def _stalled(stall_timeout_s: float, reader: ProgressReader) -> Failure:
    return Failure(
        "stalled",
        f"FFmpeg made no progress for {stall_timeout_s:g} seconds, after {reader.frame} frames, and was stopped.",
        "Run it again; if it stops at the same place, the media file is probably damaged there.",
        "unknown",
    )


def _error(failure: Failure, argv: Sequence[str], log: StderrKeeper, exit_code: int | None) -> FFmpegError:
    return failure.error(argv, exit_code=exit_code, stderr_head=log.head, stderr_tail=log.tail)
