"""What the tests of addaudio share: a way to render, and ears and eyes for what comes out."""

from __future__ import annotations

import asyncio
import json
import subprocess
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from apigpu.ffmpeg.binary import Binaries
from apigpu.plan import Plan
from apigpu_addaudio import addaudio
from apigpu_runtime.execute import Machine, execute, prepare, work_folder
from apigpu_runtime.request import single_request

Samples = NDArray[np.float64]

SOUND_CLICKS_S = (0.5, 1.7)
SOUND_S = 2.5
OWN_CLICKS_S = (1.0, 2.2)
VIDEO_S = 3.0

Sound = Callable[[str], Path]
Video = Callable[[str], Path]
Make = Callable[..., Path]
"""A file in the studio, made by ffmpeg from (name, *argv) once."""


class Render(Protocol):
    def __call__(self, *, to: str = "mp4", **fields: Any) -> tuple[Path, Plan]:
        """The rendered file, and the plan that it was made by."""


def renderer(machine: Machine, folder: Path) -> Render:
    """addaudio on this machine's CPU."""

    async def job(output: Path, container: str, fields: dict[str, Any]) -> Plan:
        request = single_request(addaudio, fields)
        with work_folder(machine.settings) as work:
            prepared = await prepare(request, base=folder, machine=machine, folder=work)
            plan = prepared.compiled(machine.target("cpu"), container)
            await execute(plan, output, machine=machine, folder=work)
        return plan

    def render(*, to: str = "mp4", **fields: Any) -> tuple[Path, Plan]:
        output = folder / f"result.{to}"
        given = {name: str(value) if isinstance(value, Path) else value for name, value in fields.items()}
        return output, asyncio.run(job(output, to, given))

    return render


@dataclass(frozen=True)
class Heard:
    """A file as a player shows it. Times in seconds from the first frame; of the first sound where there is none."""

    frames: int
    last_frame_s: float
    times: Samples
    samples: Samples

    @property
    def clicks(self) -> list[float]:
        return clicks(self.times, self.samples)

    def peak(self, start_s: float, end_s: float) -> float:
        """The loudest sample between two moments, 1 being full scale."""
        within = (self.times >= start_s) & (self.times < end_s)
        return float(np.abs(self.samples[within]).max(initial=0.0))


def listen(path: Path, binaries: Binaries) -> Heard:
    """Decode a file and place every sample by the time stamp of its frame."""
    asked = "frame=media_type,pts_time,nb_samples:stream=codec_type,sample_rate"
    found = probed(path, binaries, "-show_entries", asked)
    shown = [float(frame["pts_time"]) for frame in found["frames"] if frame["media_type"] == "video"]
    heard = [frame for frame in found["frames"] if frame["media_type"] == "audio"]
    rate = next(int(item["sample_rate"]) for item in found["streams"] if item["codec_type"] == "audio")
    zero_s = min(shown) if shown else float(heard[0]["pts_time"])
    # FFmpeg itself lays the samples out by their time stamps: ffprobe counts priming samples that decoders drop.
    samples = decoded(path, binaries, by_time=True)
    times = np.arange(len(samples)) / rate - zero_s
    return Heard(len(shown), max(shown) - zero_s if shown else 0.0, times, samples)


def decoded(path: Path, binaries: Binaries, *, rate_hz: int | None = None, by_time: bool = False) -> Samples:
    """The first sound of a file, its channels averaged, at its own rate unless another is asked for.

    `by_time` begins it at 0 of the file's clock, with silence where there is no sound.
    """
    shape = "aformat=sample_fmts=flt:channel_layouts=mono"
    if rate_hz:
        shape += f":sample_rates={rate_hz}"
    clock = ["-copyts"] if by_time else []
    shape = f"aresample=async=1:first_pts=0,{shape}" if by_time else shape
    read = [binaries.ffmpeg, "-v", "error", *clock, "-i", str(path)]
    argv = [*read, "-map", "0:a:0", "-af", shape, "-f", "f32le", "-"]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=60)
    return np.frombuffer(done.stdout, np.float32).astype(np.float64)


def clicks(times: Samples, samples: Samples, *, level: float = 0.15) -> list[float]:
    """When sound rises above `level` after 50 ms below it."""
    loud = times[np.abs(samples) > level]
    if not len(loud):
        return []
    first = np.concatenate([[True], np.diff(loud) > 0.05])
    return [round(float(time), 5) for time in loud[first]]


def probed(path: Path, binaries: Binaries, *asked: str) -> dict[str, Any]:
    argv = [binaries.ffprobe, "-v", "error", "-of", "json", *asked, str(path)]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lengths(path: Path, binaries: Binaries) -> dict[str, float]:
    """What the container says of the length of picture and sound, by codec type."""
    found = probed(path, binaries, "-show_entries", "stream=codec_type,duration")
    return {stream["codec_type"]: float(stream["duration"]) for stream in found["streams"]}


def packet_hashes(path: Path, binaries: Binaries) -> list[str]:
    """A hash of every packet of the picture, in the order of the file, in the form that MP4 stores."""
    argv = [binaries.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_packets", "-show_data_hash", "md5"]
    argv += ["-show_entries", "packet=data_hash", "-of", "csv=p=0", str(path)]
    return subprocess.run(argv, capture_output=True, check=True, text=True, timeout=60).stdout.split()


def write_clicks(
    path: Path,
    at_s: Sequence[float],
    *,
    duration_s: float,
    rate_hz: int = 48000,
    channels: int = 1,
    peak: float = 0.8,
) -> None:
    """A WAV file that is silent but for a click of 5 ms at each of these moments."""
    samples = np.zeros((round(duration_s * rate_hz), channels))
    shape = np.arange(rate_hz // 200)
    burst = peak * np.exp(-shape / 40) * np.cos(0.9 * shape)
    for moment in at_s:
        start = round(moment * rate_hz)
        samples[start : start + len(burst)] += burst[: len(samples) - start, None]
    _write(path, samples, rate_hz)


def write_tone(path: Path, *, duration_s: float, peak: float, rate_hz: int = 48000, hertz: float = 1000.0) -> None:
    """A WAV file with a sine tone."""
    time = np.arange(round(duration_s * rate_hz)) / rate_hz
    _write(path, peak * np.sin(2 * np.pi * hertz * time)[:, None], rate_hz)


def _write(path: Path, samples: Samples, rate_hz: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
