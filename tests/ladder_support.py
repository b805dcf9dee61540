"""Runs of `apigpu` on a software device, several in one process, since starting one costs more than a render."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softgpu.equipment import Personality, environment

SRT = "1\n00:00:00,080 --> 00:00:00,400\nHello\n"

_RUN_ALL = """
import contextlib, io, json, sys
from apigpu_runtime.cli import main
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    print(json.dumps({"status": status, "out": out.getvalue(), "err": err.getvalue()}))
"""


@dataclass(frozen=True)
class Ended:
    """One command of `apigpu` that ran to its end."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        assert self.out.startswith("{"), self.err
        return dict(json.loads(self.out))


@dataclass(frozen=True)
class Workplace:
    """A folder of media, and a cache in which FFmpeg's own abilities are known, but no device."""

    folder: Path
    cache: Path

    def run(self, commands: Sequence[Sequence[str]], *, on: Personality, **knobs: Any) -> list[Ended]:
        """Run the commands one after another on one device; paths are relative to the folder."""
        lines = self.script(_RUN_ALL, json.dumps(commands), on=on, **knobs)
        return [Ended(**json.loads(line)) for line in lines]

    def script(self, code: str, *arguments: str, on: Personality, **knobs: Any) -> list[str]:
        """Run Python code on the device, and give the lines that it prints."""
        env = environment(on, **knobs) | {"APIGPU_CACHE_DIR": str(self.cache)}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def copy(self, folder: Path) -> Workplace:
        """The same media, and a cache of its own."""
        shutil.copytree(self.folder, folder / "media")
        shutil.copytree(self.cache, folder / "cache")
        return Workplace(folder / "media", folder / "cache")


def render(operation: str, output: str, *more: str) -> tuple[str, ...]:
    """The words that render an operation of the shipped ones from the workplace's media."""
    inputs = {
        "caption": ("--url-video", "video.mp4", "--url-srt", "subs.srt"),
        "img2vid": (
            *("--images.0.image-url", "photo.png", "--images.0.duration", "0.4"),
            *("--width", "320", "--height", "240"),
        ),
        "addaudio": ("--url-video", "video.mp4", "--url-audio", "sound.wav"),
    }[operation]
    return ("render", operation, *inputs, *more, "-o", output, "--json")


def psnr_db(folder: Path, one: str, other: str) -> float:
    """Of the brightness, frame by frame in order, whatever the time stamps are."""
    numbered = "settb=1/25,setpts=N"
    graph = f"[0:v]{numbered}[a];[1:v]{numbered}[b];[a][b]psnr"
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-i", one, "-i", other, "-lavfi", graph, "-f", "null", "-"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    value = done.stderr.rpartition("PSNR y:")[2].split()[0]
    return float(value)


def stream_of(file: Path) -> dict[str, Any]:
    """What ffprobe says of the picture, with its frames counted."""
    fields = "stream=codec_name,width,height,nb_read_frames"
    command = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-select_streams",
        "v",
        "-show_entries",
        fields,
        "-of",
        "json",
    ]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=60, check=True)
    return dict(json.loads(done.stdout)["streams"][0])
