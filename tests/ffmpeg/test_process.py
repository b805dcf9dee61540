from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apigpu.errors import FFmpegError, SetupError
from apigpu.ffmpeg.process import Completed, capture, capture_sync, spawn

# A shell whose child ignores SIGTERM as it does itself, and which tells the child's number when both are ready.
STUBBORN = (
    "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 60; done' & while :; do sleep 60; done"
)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


async def pid_written(folder: Path) -> int:
    while not (text := (folder / "pid").read_text() if (folder / "pid").exists() else "").strip():
        await asyncio.sleep(0.005)
    return int(text)


def gone(pid: int, within_s: float = 1.0) -> bool:
    until = time.monotonic() + within_s
    while alive(pid) and time.monotonic() < until:
        os.sched_yield()
    return not alive(pid)


def both_ways(argv: list[str], **options: float) -> list[Completed]:
    timeout_s = options.pop("timeout_s", 20.0)
    return [
        asyncio.run(capture(argv, timeout_s=timeout_s, **options)),  # type: ignore[arg-type]
        capture_sync(argv, timeout_s=timeout_s, **options),  # type: ignore[arg-type]
    ]


def test_output_and_exit_code_come_back() -> None:
    for done in both_ways(["sh", "-c", "echo out; echo err >&2; exit 3"]):
        assert done == Completed(3, b"out\n", b"err\n")


def test_a_program_ended_by_a_signal_has_a_negative_exit_code() -> None:
    for done in both_ways(["sh", "-c", "kill -9 $$"]):
        assert done.exit_code == -9


def test_a_program_gets_no_input() -> None:
    for done in both_ways(["cat"]):
        assert done == Completed(0, b"", b"")


def test_output_beyond_the_limit_is_drained_and_dropped() -> None:
    flood = "import sys; sys.stdout.write('o' * 3_000_000); sys.stderr.write('e' * 3_000_000)"
    for done in both_ways([sys.executable, "-c", flood], max_bytes=1000):
        assert done == Completed(0, b"o" * 1000, b"e" * 1000)


def test_a_program_runs_in_the_folder_given(tmp_path: Path) -> None:
    done = capture_sync(["pwd"], cwd=tmp_path, timeout_s=20)
    assert Path(done.stdout.decode().strip()) == tmp_path.resolve()


def test_a_child_left_behind_neither_lives_on_nor_keeps_us_waiting(tmp_path: Path) -> None:
    started = time.monotonic()
    for _ in both_ways(["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid"]):
        assert gone(int((tmp_path / "pid").read_text()))
    assert time.monotonic() - started < 10


def test_a_missing_program_is_a_setup_error_that_names_it() -> None:
    with pytest.raises(SetupError, match=r"no-such-program could not be started \(No such file"):
        asyncio.run(capture(["/nowhere/no-such-program"], timeout_s=5))
    with pytest.raises(SetupError):
        capture_sync(["/nowhere/no-such-program"], timeout_s=5)


def test_an_argument_longer_than_the_system_takes_is_a_clear_error() -> None:
    with pytest.raises(FFmpegError) as caught:
        capture_sync(["true", "x" * 3_000_000], timeout_s=5)
    assert caught.value.code == "command_too_long"


def test_a_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(FFmpegError) as caught:
        asyncio.run(capture(["sh", "-c", STUBBORN], cwd=tmp_path, timeout_s=0.5))
    assert caught.value.code == "timeout"
    assert time.monotonic() - started < 0.5 + 2.0
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_timeout_kills_the_whole_group_without_an_event_loop_too(tmp_path: Path) -> None:
    with pytest.raises(FFmpegError) as caught:
        capture_sync(["sh", "-c", STUBBORN], cwd=tmp_path, timeout_s=0.5)
    assert caught.value.code == "timeout"
    assert gone(int((tmp_path / "pid").read_text()))


def test_cancellation_kills_a_group_that_ignores_sigterm_within_two_seconds(tmp_path: Path) -> None:
    async def scenario() -> tuple[float, int]:
        task = asyncio.create_task(capture(["sh", "-c", STUBBORN], cwd=tmp_path, timeout_s=60))
        pid = await pid_written(tmp_path)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started, pid

    took_s, pid = asyncio.run(scenario())
    assert took_s < 2.0
    assert gone(pid)


def test_a_second_cancellation_cuts_the_grace_short(tmp_path: Path) -> None:
    async def scenario() -> tuple[float, int]:
        task = asyncio.create_task(capture(["sh", "-c", STUBBORN], cwd=tmp_path, timeout_s=60))
        pid = await pid_written(tmp_path)
        started = time.monotonic()
        task.cancel()
        for _ in range(50):  # the first cancellation has to get as far as the grace
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return time.monotonic() - started, pid

    took_s, pid = asyncio.run(scenario())
    assert took_s < 0.9
    assert gone(pid)


def test_a_program_that_heeds_sigterm_may_tidy_up(tmp_path: Path) -> None:
    tidy = "trap 'echo tidy > done; exit 0' TERM; echo $$ > pid; while :; do sleep 0.01; done"

    async def scenario() -> None:
        async with spawn(["sh", "-c", tidy], cwd=tmp_path):
            await pid_written(tmp_path)

    asyncio.run(scenario())
    assert (tmp_path / "done").read_text() == "tidy\n"


def test_the_cpu_time_of_each_child_is_its_own() -> None:
    busy = "n=0; while [ $n -lt 60000 ]; do n=$((n+1)); done"

    async def used(script: str) -> float:
        async with spawn(["sh", "-c", script]) as child:
            ended = await child.wait()
        return ended.user_s + ended.system_s

    async def both() -> list[float]:
        return await asyncio.gather(used(busy), used("true"))

    worked_s, idled_s = asyncio.run(both())
    assert worked_s > 2 * idled_s


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv of util-linux")
def test_a_program_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    command = ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"]
    code = f"from apigpu.ffmpeg.process import capture_sync; capture_sync({command}, timeout_s=60)"
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        pid = asyncio.run(asyncio.wait_for(pid_written(tmp_path), 20))
        parent.kill()
    assert gone(pid)
