"""The command line starts fast, and loads only what a command needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli_support import Call

APIGPU = Path(sys.executable).with_name("apigpu")
HEAVY = {"runpod", "PIL", "ffmpeg", "httpx2", "rich", "pysubs2", "numpy", "termaid"}


def test_help_costs_less_than_half_a_second_of_cpu() -> None:
    process = subprocess.Popen([APIGPU, "--help"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        shown = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert b"render" in shown
    assert usage.ru_utime + usage.ru_stime < 0.5


def loaded_by(*words: str) -> set[str]:
    """Top-level modules in memory after a call of the command line."""
    program = (
        "import sys; from apigpu_runtime.cli import main; main(sys.argv[1:]);"
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60)
    return set(done.stdout.partition("LOADED")[2].split())


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_the_outermost_commands_load_next_to_nothing(words: list[str]) -> None:
    assert not loaded_by(*words) & (HEAVY | {"pydantic", "asyncio"})


@pytest.mark.parametrize("words", [["operations"], ["plan", "--help"], ["render", "caption", "--help"]])
def test_help_on_operations_loads_nothing_heavy(words: list[str]) -> None:
    loaded = loaded_by(*words)
    assert "pydantic" in loaded
    assert not loaded & (HEAVY - {"ffmpeg"})  # ffmpeg-python is light: 25 ms


@pytest.mark.ffmpeg
def test_a_render_of_local_files_loads_no_network_and_no_progress_bar(media: Path, tmp_path: Path) -> None:
    words = ["render", "addaudio", "--url-video", f"{media}/video.mp4", "--url-audio", f"{media}/sound.wav"]
    loaded = loaded_by(*words, "-o", str(tmp_path / "out.mp4"))
    assert (tmp_path / "out.mp4").exists()
    assert not loaded & {"runpod", "httpx2", "rich", "PIL", "pysubs2", "numpy", "termaid"}


def test_version_is_that_of_the_distribution(apigpu: Call) -> None:
    answer = apigpu("--version")
    assert (answer.status, answer.out.split()[0]) == (0, "apigpu")


def test_no_word_at_all_is_a_bad_request_that_shows_the_commands(apigpu: Call) -> None:
    answer = apigpu()
    assert answer.status == 2
    assert "doctor" in answer.out
