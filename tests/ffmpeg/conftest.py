"""Real FFmpegs of both ends of the range, a stand-in for what they do not do on demand, and small media."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import find_binaries, packaged
from apigpu.ffmpeg.process import capture_sync


@pytest.fixture(scope="session", params=["on PATH", "packaged"])
def ffmpeg(request: pytest.FixtureRequest) -> str:
    """Debian's 5.1 (or whatever is on PATH) and the packaged 9."""
    try:
        found = find_binaries(os.environ, packaged=lambda program: None).ffmpeg
    except SetupError as error:
        found, reason = None, str(error)
    if request.param == "packaged":
        found, reason = packaged("ffmpeg"), "the packaged FFmpeg is not installed"
    if found is None:
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good second of video, and with the bad files that people send."""
    folder = tmp_path_factory.mktemp("media")
    tool = packaged("ffmpeg") or "ffmpeg"
    picture, sound = ["-f", "lavfi", "-i", "testsrc2=s=64x64:d=1"], ["-f", "lavfi", "-i", "sine=d=1"]
    _make(tool, folder, *picture, *sound, "-c:v", "libx264", "-c:a", "aac", "good.mp4")
    _make(tool, folder, *picture, *sound, "-c:v", "libvpx", "-c:a", "libvorbis", "vp8.webm")
    _make(tool, folder, "-i", "good.mp4", "-an", "-c", "copy", "silent.mp4")
    _make(tool, folder, "-i", "good.mp4", "-vn", "-c", "copy", "sound.m4a")
    good = (folder / "good.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(good[:3000])
    (folder / "noisy.mp4").write_bytes(
        bytes(b if i % 7 or not 200 < i < 12000 else i % 251 for i, b in enumerate(good))
    )
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("This is no media at all, only a text that somebody renamed.")
    (folder / "bad.png").write_bytes(b"x")
    (folder / "playlist.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/hosts\n#EXT-X-ENDLIST\n")
    (folder / "empty.srt").write_bytes(b"")
    (folder / "latin.srt").write_bytes(b"1\n00:00:00,000 --> 00:00:01,000\ncaf\xe9 \xff\n\n")
    (folder / "folder.mp4").mkdir()
    return folder


def _make(tool: str, folder: Path, *arguments: str) -> None:
    done = capture_sync([tool, "-v", "error", "-y", *arguments], cwd=folder, timeout_s=60)
    if done.exit_code:
        pytest.skip(f"no FFmpeg here can make the media of these tests: {done.stderr.decode()}")


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], str]:
    """Writes a shell script in place of an FFmpeg program, and gives its path."""

    def write(name: str, body: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return write
