"""The one door to subprocess: each program leads a process group, gets no input, and dies as a group."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from apigpu.errors import ApiGpuError, FFmpegError, SetupError

TERMINATE_GRACE_S = 1.0
"""How long a group may tidy up after SIGTERM before SIGKILL; with it, every end comes within 2 s."""

_CHUNK = 1 << 16
_16_MIB = 1 << 24


@dataclass(frozen=True)
class Completed:
    """`exit_code` is negative when a signal ended the program; outputs may have been cut at `max_bytes`."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Exit:
    """How a child ended and what it used, its own children that it waited for included."""

    exit_code: int
    user_s: float
    system_s: float
    max_rss_bytes: int


class Child:
    """A running program that leads its own process group. Made by `spawn`, which also ends it."""

    def __init__(self, popen: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self.pid = popen.pid
        self.stdout = asyncio.StreamReader(limit=_CHUNK, loop=loop)
        self.stderr = asyncio.StreamReader(limit=_CHUNK, loop=loop)
        self._popen = popen
        self._loop = loop
        self._exit: asyncio.Future[Exit] = loop.create_future()
        self._transports: list[asyncio.ReadTransport] = []
        threading.Thread(target=self._reap, name=f"reap-{popen.pid}", daemon=True).start()

    async def wait(self) -> Exit:
        """Return how the program ended; cancelling the wait does not touch the program."""
        return await asyncio.shield(self._exit)

    def cpu_s(self) -> float:
        """Seconds of CPU that the program has taken so far; 0.0 where the system does not tell (other than Linux)."""
        try:
            fields = (
                Path(f"/proc/{self.pid}/stat")
                .read_text(encoding="ascii", errors="replace")
                .rpartition(")")[2]
                .split()
            )
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def end(self) -> None:
        """Leave nothing of the group alive: SIGTERM, then SIGKILL for what is still there after the grace."""
        if self._exit.done():
            return
        _signal_group(self.pid, signal.SIGTERM)
        try:
            await asyncio.wait([self._exit], timeout=TERMINATE_GRACE_S)
        finally:  # a second cancellation cuts the grace short
            _signal_group(self.pid, signal.SIGKILL)
        await asyncio.wait([self._exit], timeout=TERMINATE_GRACE_S)

    async def connect(self) -> None:
        for reader, pipe in ((self.stdout, self._popen.stdout), (self.stderr, self._popen.stderr)):
            make_protocol = partial(asyncio.StreamReaderProtocol, reader, loop=self._loop)
            transport, _ = await self._loop.connect_read_pipe(make_protocol, pipe)
            self._transports.append(transport)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
        for pipe in (self._popen.stdout, self._popen.stderr)[len(self._transports) :]:
            cast(IO[bytes], pipe).close()

    def _reap(self) -> None:
        # wait4 in a thread of ours, since asyncio's own child watchers throw the resource usage away.
        _, status, usage = os.wait4(self.pid, 0)
        _signal_group(self.pid, signal.SIGKILL)  # a leader that exits early leaves no stragglers behind
        exit_code = os.waitstatus_to_exitcode(status)
        self._popen.returncode = exit_code
        rss = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        ended = Exit(exit_code, usage.ru_utime, usage.ru_stime, rss)
        with suppress(RuntimeError):  # the loop is gone: nobody is waiting any more
            self._loop.call_soon_threadsafe(self._set_exit, ended)

    def _set_exit(self, ended: Exit) -> None:
        if not self._exit.done():
            self._exit.set_result(ended)


@asynccontextmanager
async def spawn(argv: Sequence[str], *, cwd: Path | None = None) -> AsyncIterator[Child]:
    """Run a program for as long as the block lasts; afterwards its whole group is gone, whatever happened.

    Raises:
        SetupError: the program cannot be started.
    """
    child = Child(_start(argv, cwd), asyncio.get_running_loop())
    try:
        await child.connect()
        yield child
    finally:
        try:
            await child.end()
        finally:
            child.close()


async def capture(
    argv: Sequence[str], *, timeout_s: float, cwd: Path | None = None, max_bytes: int = _16_MIB
) -> Completed:
    """Run a program to its end and keep the first `max_bytes` of each output; what exceeds them is drained.

    Raises:
        FFmpegError: code `timeout`, after `timeout_s` seconds; the whole group has been killed.
        SetupError: the program cannot be started.
    """
    try:
        async with asyncio.timeout(timeout_s), spawn(argv, cwd=cwd) as child:
            stdout, stderr = await asyncio.gather(
                _read_capped(child.stdout, max_bytes), _read_capped(child.stderr, max_bytes)
            )
            ended = await child.wait()
    except TimeoutError:
        raise _timeout(argv, timeout_s) from None
    return Completed(ended.exit_code, stdout, stderr)


def capture_sync(
    argv: Sequence[str], *, timeout_s: float, cwd: Path | None = None, max_bytes: int = _16_MIB
) -> Completed:
    """`capture` for callers without an event loop."""
    with _start(argv, cwd) as popen:
        outputs: dict[str, bytes] = {}
        drains = [
            _drain_in_thread(cast(BufferedReader, pipe), max_bytes, name, outputs)
            for name, pipe in (("stdout", popen.stdout), ("stderr", popen.stderr))
        ]
        try:
            exit_code = popen.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise _timeout(argv, timeout_s) from None
        finally:
            _signal_group(popen.pid, signal.SIGKILL)
            for drain in drains:
                drain.join(timeout=TERMINATE_GRACE_S)
    return Completed(exit_code, outputs.get("stdout", b""), outputs.get("stderr", b""))


def _start(argv: Sequence[str], cwd: Path | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            _tied(argv),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise _not_started(argv, error) from error


def _tied(argv: Sequence[str]) -> list[str]:
    """The command, such that the kernel kills the program when the thread that starts it is gone: after a SIGKILL of
    ours nobody else would.

    By the program `setpriv`, since `preexec_fn` can deadlock in a process with threads.
    """
    wrapper = _setpriv()
    # What cannot be executed is left to fail by its own name.
    return [*wrapper, *argv] if wrapper and shutil.which(argv[0]) else list(argv)


@cache
def _setpriv() -> tuple[str, ...]:
    """Empty where there is none that can: on macOS, and in BusyBox."""
    path = shutil.which("setpriv")
    command = (path or "", "--pdeathsig", "KILL", "--")
    if path is None:
        return ()
    try:
        done = subprocess.run(
            [*command, path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return command if done.returncode == 0 else ()


def _signal_group(pgid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(pgid, number)


async def _read_capped(reader: asyncio.StreamReader, max_bytes: int) -> bytes:
    kept = bytearray()
    while chunk := await reader.read(_CHUNK):
        kept += chunk[: max_bytes - len(kept)]
    return bytes(kept)


def _drain_in_thread(pipe: BufferedReader, max_bytes: int, name: str, outputs: dict[str, bytes]) -> threading.Thread:
    def drain() -> None:
        kept = bytearray()
        with suppress(OSError, ValueError):  # closed under us after the group was killed
            while chunk := pipe.read1(_CHUNK):
                kept += chunk[: max_bytes - len(kept)]
        outputs[name] = bytes(kept)

    thread = threading.Thread(target=drain, name=f"drain-{name}", daemon=True)
    thread.start()
    return thread


def _timeout(argv: Sequence[str], timeout_s: float) -> FFmpegError:
    return FFmpegError(
        f"{Path(argv[0]).name} did not finish within {timeout_s:g} seconds and was stopped.",
        code="timeout",
        remedy="Try a shorter or smaller input, or allow more time.",
        argv=argv,
    )


def _not_started(argv: Sequence[str], error: OSError) -> ApiGpuError:
    name = Path(argv[0]).name
    if error.errno == errno.E2BIG:  # Linux takes at most 128 KiB in one argument
        return FFmpegError(
            f"the command line for {name} is too long for this system.",
            code="command_too_long",
            remedy="Split the request into several with fewer inputs each.",
            fault="user",
            argv=argv,
        )
    return SetupError(
        f"{name} could not be started ({error.strerror}).",
        code="not_started",
        remedy="Check that the program is installed and may be executed.",
    )
