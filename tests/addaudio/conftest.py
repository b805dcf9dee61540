"""A studio for the tests of addaudio: sounds that click at known moments, videos that do, and a way to render."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from addaudio_support import (
    OWN_CLICKS_S,
    SOUND_CLICKS_S,
    SOUND_S,
    VIDEO_S,
    Make,
    Render,
    Sound,
    Video,
    renderer,
    write_clicks,
)
from apigpu.ffmpeg.binary import Binaries
from apigpu_runtime.execute import Machine
from apigpu_runtime.settings import Settings

_SOUNDS = {
    "wav": ("sound.wav", "-c:a", "pcm_s16le"),
    "flac": ("sound.flac", "-c:a", "flac"),
    "mp3": ("sound.mp3", "-c:a", "libmp3lame"),
    "m4a": ("sound.m4a", "-c:a", "aac"),
    "adts": ("sound.aac", "-c:a", "aac"),
    "opus in ogg": ("sound.opus", "-c:a", "libopus"),
    "opus in webm": ("sound.webm", "-c:a", "libopus"),
    "vorbis": ("sound.ogg", "-c:a", "libvorbis"),
}
_H264 = ("-c:v", "libx264", "-bf", "3", "-g", "50", "-pix_fmt", "yuv420p")
_SHIFTED = ("-itsoffset", "0.4")


@pytest.fixture(scope="session")
def machine() -> Machine:
    return Machine.found(Settings.from_environment(guarded=False))


@pytest.fixture(scope="session")
def binaries(machine: Machine) -> Binaries:
    return machine.binaries


@pytest.fixture(scope="session", params=["on PATH", "packaged"])
def each_machine(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    """Both ends of the range of FFmpeg versions, where they are installed."""
    if request.param == "on PATH":
        return machine
    try:
        import imageio_ffmpeg
    except ImportError:
        pytest.skip("the packaged FFmpeg is not installed")
    packaged = str(imageio_ffmpeg.get_ffmpeg_exe())
    if packaged == machine.binaries.ffmpeg:
        pytest.skip("the packaged FFmpeg is the only one")
    return Machine.found(Settings.from_environment({**os.environ, "APIGPU_FFMPEG": packaged}, guarded=False))


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studio")
    write_clicks(folder / "clicks.wav", SOUND_CLICKS_S, duration_s=SOUND_S, rate_hz=44100, channels=2)
    write_clicks(folder / "own.wav", OWN_CLICKS_S, duration_s=VIDEO_S)
    return folder


@pytest.fixture(scope="session")
def make(studio: Path, binaries: Binaries) -> Make:
    """A file in the studio, made by ffmpeg from the arguments once."""

    @cache
    def made(name: str, *argv: str) -> Path:
        words = [binaries.ffmpeg, "-v", "error", "-y", *argv, name]
        subprocess.run(words, check=True, cwd=studio, capture_output=True, timeout=60)
        return studio / name

    return made


@pytest.fixture(scope="session")
def sound(make: Make) -> Sound:
    """The clicks at `SOUND_CLICKS_S`, encoded."""

    def named(kind: str) -> Path:
        name, *codec = _SOUNDS[kind]
        return make(name, "-i", "clicks.wav", *codec)

    return named


@pytest.fixture(scope="session")
def video(make: Make) -> Video:
    """A video of `VIDEO_S` whose own sound clicks at `OWN_CLICKS_S` of its picture, unless its name shifts it.

    `early`: its sound begins 0.4 s before its picture; `late`: 0.4 s after it; `mute`: it has none.
    """
    picture = ("-f", "lavfi", "-i", f"testsrc2=s=64x64:r=25:d={VIDEO_S}")

    def named(kind: str) -> Path:
        stem, ending = kind.split(".")
        if stem == "mute":
            return make(kind, *picture, *_H264)
        if ending == "webm":
            return make(
                kind, *picture, "-i", "own.wav", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis"
            )
        if stem == "plain":
            return make(kind, *picture, "-i", "own.wav", *_H264, "-c:a", "libmp3lame" if ending == "avi" else "aac")
        plain = str(named("plain.mp4"))
        first, second = ((_SHIFTED, ()), ((), _SHIFTED))[stem == "late"]
        return make(kind, *first, "-i", plain, *second, "-i", plain, "-map", "0:v", "-map", "1:a", "-c", "copy")

    return named


@pytest.fixture
def render(machine: Machine, tmp_path: Path) -> Render:
    return renderer(machine, tmp_path)
