"""Fixtures of the command line's tests: small media made by FFmpeg, and `apigpu` run in process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apigpu_runtime.cli import main
from cli_support import SRT, Answer, Call, make


@pytest.fixture
def apigpu(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """`apigpu("render", ...)` run in an empty folder; its work folder must be empty afterwards."""
    work = tmp_path / "work"
    here = tmp_path / "here"
    work.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("APIGPU_WORK_DIR", str(work))

    def call(*words: str | Path) -> Answer:
        status = main([str(word) for word in words])
        captured = capfd.readouterr()
        assert os.listdir(work) == []
        return Answer(status, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with video.mp4 (2 s, 160x120, 25 fps, with a tone), silent.mp4, sound.wav, photo.png, subs.srt."""
    folder = tmp_path_factory.mktemp("media")
    picture = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2"]
    tone = ["-f", "lavfi", "-i", "sine=d=2"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    make(folder, *picture, *tone, *video, "-c:a", "aac", "video.mp4")
    make(folder, *picture, *video, "silent.mp4")
    make(folder, *tone, "sound.wav")
    make(folder, *picture, "-frames:v", "1", "photo.png")
    (folder / "subs.srt").write_text(SRT, encoding="utf-8")
    return folder
