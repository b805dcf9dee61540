"""Worker processes: started so that they end with this process, and ended so that nothing of them is left.

The one door of the plane to other programs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from apigpu.errors import SetupError
from apigpu_runtime.plane.environment import WORKER_ID

# The worker asks for it by itself, in the moment before it becomes the worker: a preexec_fn would run Python between
# fork and exec of a process with threads. 1 is PR_SET_PDEATHSIG, 15 SIGTERM.
_BIND_TO_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 14


class WorkerProcess:
    """A process that leads its own group, and whatever it and its children say."""

    def __init__(
        self, process: asyncio.subprocess.Process, output: asyncio.StreamReader, transport: asyncio.ReadTransport
    ) -> None:
        self.pid = process.pid
        self.output = output
        self.terminate = process.terminate
        self.wait = process.wait
        self.close = transport.close

    @classmethod
    async def start(cls, command: Sequence[str], environ: Mapping[str, str], worker_id: str) -> WorkerProcess:
        """Raises SetupError."""
        if shutil.which(command[0], path=environ.get("PATH")) is None:
            raise SetupError(
                f"the worker could not be started: {command[0]} is not there or may not be executed.",
                code="not_started",
                remedy="Check that the program is installed and may be executed.",
            )
        # A pipe of our own: asyncio's wait() waits for the end of its pipes too (seen in 3.11), and a child of a
        # killed worker holds them open.
        read_end, write_end = os.pipe()
        output = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read_end, "rb", buffering=0)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *_ending_with_parent(command),
                env={**environ, WORKER_ID: worker_id},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except BaseException:
            transport.close()
            raise
        finally:
            os.close(write_end)
        return cls(process, output, transport)


def end_worker(worker_id: str, pid: int | None) -> None:
    """Kill whatever is left of it: its group, and its own children that lead groups of their own, such as FFmpeg.

    Those carry its id in their environment, by which they are also found after a crash, without a `pid`.
    """
    if pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    for found in _carrying(f"{WORKER_ID}={worker_id}".encode()):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(found, signal.SIGKILL)


async def read_lines(stream: asyncio.StreamReader, tell: Callable[[str], None]) -> None:
    """Each line as it comes, the last one also without its end; one without an end for long is cut."""
    pending = b""
    while piece := await stream.read(_CHUNK):
        *lines, pending = (pending + piece).split(b"\n")
        if len(pending) > _LONGEST_LINE:
            lines.append(pending)
            pending = b""
        for line in lines:
            tell(line.decode(errors="replace").rstrip("\r"))
    if pending:
        tell(pending.decode(errors="replace"))


def _ending_with_parent(command: Sequence[str]) -> Sequence[str]:
    """Linux sends SIGTERM to the worker when this process is gone, also by SIGKILL; elsewhere only the next start
    of the plane, or nobody, ends it."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", _BIND_TO_PARENT, str(os.getpid()), *command]


def _carrying(variable: bytes) -> list[int]:
    """Processes of ours with exactly that in their environment. None where the system does not show it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if variable in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found
