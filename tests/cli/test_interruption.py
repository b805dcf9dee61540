"""Ctrl-C in the middle of a render: FFmpeg is gone within two seconds, and so is everything it wrote."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import make

pytestmark = pytest.mark.ffmpeg
APIGPU = Path(sys.executable).with_name("apigpu")


def _heed_signals() -> None:
    """Whoever starts the tests in the background, as `cmd &` and nohup do, has these ignored by all below."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def long_render(media: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`apigpu render` over an hour of video, well on its way, in folders of its own below `tmp_path`."""
    make(tmp_path, "-stream_loop", "1800", "-i", str(media / "video.mp4"), "-c", "copy", "long.mp4")
    for name in ("out", "work"):
        (tmp_path / name).mkdir()
    words = ["render", "caption", "--url-video", "long.mp4", "--url-srt", media / "subs.srt", "-o", "out/long.mp4"]
    environ = os.environ | {"APIGPU_WORK_DIR": str(tmp_path / "work")}
    with subprocess.Popen(
        [APIGPU, *words],
        cwd=tmp_path,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_heed_signals,
    ) as process:
        try:
            assert process.stderr is not None
            assert "% " in process.stderr.readline().replace(",", " ")  # FFmpeg 9 counts no frames at first
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_render_and_leaves_nothing(
    long_render: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, status: int
) -> None:
    assert len(running_on(tmp_path)) >= 2
    sent_s = time.monotonic()
    long_render.send_signal(number)
    _, told = long_render.communicate(timeout=10)
    assert time.monotonic() - sent_s < 4  # FFmpeg has 2 s; the rest is for a loaded machine
    assert long_render.returncode == status
    assert told.splitlines()[-1] == "interrupted."
    assert "Traceback" not in told
    assert os.listdir(tmp_path / "out") == []
    assert os.listdir(tmp_path / "work") == []
    assert running_on(tmp_path) == []


def running_on(folder: Path) -> list[str]:
    """Command lines of the processes that name the folder or stand in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            standing = os.readlink(process / "cwd")
        except OSError:
            continue
        if (str(folder) in command or standing.startswith(str(folder))) and int(process.name) != os.getpid():
            found.append(command)
    return found
