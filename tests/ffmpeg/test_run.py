from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from apigpu.errors import FFmpegError, SetupError
from apigpu.ffmpeg.progress import Progress
from apigpu.ffmpeg.run import RunResult, run, with_progress

Program = Callable[[str, str], str]

REPORT = "echo frame=1; echo out_time_us=40000; echo progress=continue"


def failure(running: Coroutine[None, None, RunResult]) -> FFmpegError:
    with pytest.raises(FFmpegError) as caught:
        asyncio.run(running)
    return caught.value


def test_global_options_come_first_and_the_callers_win() -> None:
    argv = with_progress(["/usr/bin/ffmpeg", "-loglevel", "info", "-i", "in.mp4", "out.mp4"])
    assert argv[:3] == ["/usr/bin/ffmpeg", "-progress", "pipe:1"]
    assert argv[-5:] == ["-loglevel", "info", "-i", "in.mp4", "out.mp4"]


@pytest.mark.ffmpeg
def test_a_render_reports_its_progress_and_what_it_took(ffmpeg: str, tmp_path: Path) -> None:
    seen: list[Progress] = []
    argv = [ffmpeg, "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:d=4", "-c:v", "libx264", str(tmp_path / "out.mp4")]
    result = asyncio.run(run(argv, cwd=tmp_path, duration_s=4.0, on_progress=seen.append))
    assert (result.exit_code, result.frames) == (0, 100)
    assert result.user_s > 0.01
    assert result.max_rss_bytes > 1_000_000
    assert seen[-1].done
    assert [report.fraction for report in seen] == sorted(report.fraction or 0 for report in seen)
    assert (tmp_path / "out.mp4").stat().st_size > 1000


@pytest.mark.ffmpeg
def test_a_damaged_file_is_the_users_fault_with_the_log_at_hand(ffmpeg: str, media: Path, tmp_path: Path) -> None:
    argv = [ffmpeg, "-i", str(media / "cut.mp4"), "-f", "null", "-"]
    error = failure(run(argv, cwd=tmp_path, duration_s=None))
    assert (error.code, error.fault) == ("media_damaged", "user")
    assert error.exit_code not in (0, None)
    assert error.argv == tuple(argv)
    assert "moov atom not found" in error.stderr_head
    assert str(media) not in str(error)


@pytest.mark.ffmpeg
def test_a_disk_that_fills_up_at_the_very_end_is_a_failure_though_ffmpeg_exits_with_0(
    ffmpeg: str, media: Path, tmp_path: Path
) -> None:
    argv = [ffmpeg, "-y", "-i", str(media / "good.mp4"), "-c", "copy", "-f", "mpegts", "/dev/full"]
    error = failure(run(argv, cwd=tmp_path, duration_s=1.0))
    assert (error.code, error.fault) == ("disk_full", "machine")


@pytest.mark.ffmpeg
def test_titles_of_the_media_are_not_taken_for_ffmpegs_words(ffmpeg: str, media: Path, tmp_path: Path) -> None:
    spoken = tmp_path / "spoken.mkv"
    words = "title=No space left on device"
    made = run(
        [ffmpeg, "-i", str(media / "good.mp4"), "-metadata", words, "-c", "copy", str(spoken)],
        cwd=tmp_path,
        duration_s=1,
    )
    asyncio.run(made)
    error = failure(
        run([ffmpeg, "-i", str(spoken), "-vf", "nonsense", "-f", "null", "-"], cwd=tmp_path, duration_s=1)
    )
    assert error.code == "illegal_graph"


@pytest.mark.ffmpeg
def test_cancelling_a_render_ends_it_within_two_seconds(ffmpeg: str, tmp_path: Path) -> None:
    argv = [ffmpeg, "-y", "-re", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=60", "-c:v", "libx264", "out.mp4"]
    assert cancelled_after_first_report(argv, tmp_path) < 2.0


def test_cancelling_ends_even_what_ignores_sigterm_within_two_seconds(program: Program, tmp_path: Path) -> None:
    stubborn = program("ffmpeg", f"trap '' TERM\n{REPORT}\nwhile :; do sleep 60; done")
    assert cancelled_after_first_report([stubborn], tmp_path) < 2.0


def cancelled_after_first_report(argv: list[str], cwd: Path) -> float:
    async def scenario() -> float:
        reported = asyncio.Event()
        task = asyncio.create_task(run(argv, cwd=cwd, duration_s=60, on_progress=lambda report: reported.set()))
        await reported.wait()
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    return asyncio.run(scenario())


def test_a_run_that_makes_no_progress_is_stopped(program: Program, tmp_path: Path) -> None:
    stuck = program("ffmpeg", f"while :; do {REPORT}; sleep 0.05; done")
    error = failure(run([stuck], cwd=tmp_path, duration_s=10, stall_timeout_s=0.3))
    assert error.code == "stalled"
    assert "after 1 frames" in str(error)


def test_a_slow_run_that_comes_forward_is_not_stopped(program: Program, tmp_path: Path) -> None:
    slow = program("ffmpeg", "for n in 1 2 3 4 5 6; do echo frame=$n; echo progress=continue; sleep 0.1; done")
    result = asyncio.run(run([slow], cwd=tmp_path, duration_s=10, stall_timeout_s=0.5))
    assert result.frames == 6


def test_a_run_that_computes_without_showing_progress_is_given_time(program: Program, tmp_path: Path) -> None:
    busy = program("ffmpeg", f"n=0; while [ $n -lt 900000 ]; do n=$((n+1)); done; {REPORT}")
    result = asyncio.run(run([busy], cwd=tmp_path, duration_s=10, stall_timeout_s=0.25))
    assert result.wall_s > 0.5
    assert result.exit_code == 0


def test_a_run_that_computes_for_ever_without_progress_is_stopped(program: Program, tmp_path: Path) -> None:
    spinning = program("ffmpeg", "while :; do :; done")
    assert failure(run([spinning], cwd=tmp_path, duration_s=10, stall_timeout_s=0.05)).code == "stalled"


def test_a_run_that_takes_too_long_is_stopped(program: Program, tmp_path: Path) -> None:
    busy = program("ffmpeg", "n=0; while :; do n=$((n+1)); echo frame=$n; echo progress=continue; sleep 0.05; done")
    error = failure(run([busy], cwd=tmp_path, duration_s=10, timeout_s=0.4))
    assert (error.code, error.exit_code) == ("timeout", None)


@pytest.mark.parametrize(
    ("ending", "code", "fault"),
    [
        ("kill -KILL $$", "killed", "machine"),
        ("echo 'Error: Cannot allocate memory' >&2; kill -ABRT $$", "out_of_memory", "machine"),
        ("echo 'Invalid NAL unit size' >&2; kill -SEGV $$", "ffmpeg_crashed", "unknown"),
        ("kill -TERM $$", "interrupted", "machine"),
        ("echo 'No space left on device' >&2; exit 1", "disk_full", "machine"),
        ("echo 'CUDA_ERROR_OUT_OF_MEMORY: out of memory' >&2; exit 1", "gpu_out_of_memory", "machine"),
        ("exit 69", "media_damaged", "user"),
        ("exit 17", "ffmpeg_failed", "unknown"),
    ],
)
def test_endings_are_told_apart(ending: str, code: str, fault: str, program: Program, tmp_path: Path) -> None:
    error = failure(run([program("ffmpeg", ending)], cwd=tmp_path, duration_s=1))
    assert (error.code, error.fault) == (code, fault)


def test_a_flood_of_messages_is_cut_and_still_classified(program: Program, tmp_path: Path) -> None:
    flood = "yes '[aac @ 0x1] [error] channel element 2.3 is not allocated' | head -n 50000 >&2"
    talker = program("ffmpeg", f"{flood}; echo '[error] No such filter: x' >&2; {flood}; exit 8")
    error = failure(run([talker], cwd=tmp_path, duration_s=1))
    assert error.code == "illegal_graph"
    assert "No such filter" in error.stderr_tail
    assert len(error.stderr_head) + len(error.stderr_tail) < 16_384


def test_a_callback_that_breaks_ends_the_run(program: Program, tmp_path: Path) -> None:
    def broken(report: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run([program("ffmpeg", f"{REPORT}; sleep 60")], cwd=tmp_path, duration_s=1, on_progress=broken))


def test_a_missing_ffmpeg_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError):
        asyncio.run(run(["/nowhere/ffmpeg"], cwd=tmp_path, duration_s=1))
