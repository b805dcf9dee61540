"""Rendering a clip on a software device and on the CPU, and telling how far apart the results are."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from apigpu.compiler import compile_clip
from apigpu.compiler.connect import Concrete
from apigpu.compiler.emit import emit
from apigpu.compiler.encoders import Encoder
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.media.facts import MediaFile
from apigpu.media.fields import PREVIOUS
from apigpu.media.handles import Media
from apigpu.plan import Plan
from apigpu.registry import Registry
from apigpu.streams import Clip, owned_by
from apigpu.targets.presets import named_target
from softgpu.equipment import Personality, Trace, environment

IMPOSSIBLE = "Impossible to convert between the formats"
LOSSLESS = ("-preset", "ultrafast", "-qp", "0")


@dataclass(frozen=True)
class Result:
    """What one run gave, and what the device was asked to do for it."""

    plan: Plan
    path: Path
    trace: Trace
    ffmpeg: str
    ffprobe: str

    @cached_property
    def luma(self) -> np.ndarray[Any, Any]:
        """Every frame's luma: (frames, height, width), uint8."""
        width, height = self.size
        shape = ["-fps_mode", "passthrough", "-noautoscale", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
        asked = [self.ffmpeg, "-v", "error", "-noautorotate", "-i", str(self.path), "-map", "0:v", *shape]
        raw = subprocess.run(asked, capture_output=True, check=True, timeout=60).stdout
        planes = np.frombuffer(raw, np.uint8).reshape(-1, width * height * 3 // 2)
        return planes[:, : width * height].reshape(-1, height, width)

    @property
    def size(self) -> tuple[int, int]:
        (picture,) = [stream for stream in self._probed["streams"] if stream["codec_type"] == "video"]
        return picture["width"], picture["height"]

    @property
    def times_s(self) -> list[float]:
        """When each frame is shown, in order."""
        return sorted(float(item["pts_time"]) for item in self._probed["packets"] if item["codec_type"] == "video")

    @cached_property
    def sound(self) -> str:
        """A checksum of the decoded sound; of nothing where there is none."""
        asked = [self.ffmpeg, "-v", "error", "-i", str(self.path), "-vn", "-map", "0:a?", "-f", "s16le", "-"]
        done = subprocess.run(asked, capture_output=True, timeout=60, check=False)
        return hashlib.md5(done.stdout).hexdigest()

    @property
    def has_matrix(self) -> bool:
        """True where a player would turn the picture."""
        return any(stream.get("side_data_list") for stream in self._probed["streams"])

    @cached_property
    def _probed(self) -> dict[str, Any]:
        asked = [self.ffprobe, "-v", "error", "-of", "json", "-show_streams", "-show_packets", str(self.path)]
        found: dict[str, Any] = json.loads(subprocess.run(asked, capture_output=True, check=True, timeout=60).stdout)
        return found


@dataclass(frozen=True)
class Bench:
    """One FFmpeg, the operations, and files to try them on."""

    binaries: Binaries
    capabilities: Capabilities
    registry: Registry
    folder: Path
    files: Mapping[str, MediaFile]
    texts: Mapping[str, bytes]
    remembered: dict[tuple[str, str], Result] = field(default_factory=dict)

    def clip(self, *steps: tuple[str, Mapping[str, object]]) -> Clip:
        """The clip of a pipeline; a step's main field is bound to the step before."""
        clip: Clip | None = None
        media = Media(files=self.files, texts=self.texts)
        for name, fields in steps:
            operation = self.registry.get(name)
            bound = {} if clip is None or operation.main_field is None else {operation.main_field: PREVIOUS}
            media.previous = clip
            with owned_by(name):
                clip = operation.build(operation.input.model_validate({**fields, **bound}), media)
        assert clip is not None
        return clip

    def on(self, personality: Personality, clip: Clip, *, target: str = "", **knobs: Any) -> Result:
        """The clip rendered on a device. Lossless, whatever encodes it: the software NVENC always is."""
        plan = compile_clip(clip, named_target(target or personality, self.capabilities))
        trace = self.folder / f"{personality}.trace"
        trace.unlink(missing_ok=True)
        env = environment(personality, trace=trace, **knobs)
        return self._run(plan, self.folder / f"{personality}.mp4", env, trace)

    def on_cpu(self, clip: Clip, *, remember_as: str = "") -> Result:
        """The clip rendered on this machine's processor, once for each name that is given to it."""
        key = self.binaries.ffmpeg, remember_as
        if remember_as and key in self.remembered:
            return self.remembered[key]
        plan = compile_clip(clip, named_target("cpu", self.capabilities))
        done = self._run(plan, self.folder / "cpu.mp4", None, self.folder / "no.trace")
        self.remembered[key] = done
        return done

    def refuses(self, graph: Concrete, encoder: Encoder) -> str:
        """What FFmpeg says on an L4 that does not take a graph; empty where it renders two frames."""
        options = {"f": "null", "c:v": encoder.name, "frames:v": "2"}
        emitted = emit(graph, options, self.binaries.version)
        for path, content in emitted.files.items():
            (self.folder / path).write_bytes(content)
        argv = [self.binaries.ffmpeg, "-v", "error", *emitted.arguments[:-1], "-"]
        done = subprocess.run(
            argv, cwd=self.folder, env=environment("l4"), capture_output=True, timeout=60, check=False
        )
        return done.stderr.decode(errors="replace") or "failed" if done.returncode else ""

    def _run(self, plan: Plan, output: Path, env: Mapping[str, str] | None, trace: Path) -> Result:
        lay(plan, self.folder)
        argv = lossless(plan.argv(ffmpeg=self.binaries.ffmpeg, output=str(output)))
        done = subprocess.run(
            [*argv[:1], "-v", "warning", *argv[1:]],
            cwd=self.folder,
            env=env,
            capture_output=True,
            timeout=120,
            check=False,
        )
        said = done.stderr.decode(errors="replace")
        assert done.returncode == 0, said
        assert IMPOSSIBLE not in said
        read = Trace.read(trace)
        assert not read.complaints, read.complaints
        return Result(plan, output, read, self.binaries.ffmpeg, self.binaries.ffprobe)


def lay(plan: Plan, folder: Path) -> None:
    for asset in plan.assets:
        path = folder / asset.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(asset.content)


def lossless(argv: Sequence[str]) -> list[str]:
    """A command line whose libx264, if it is that, loses nothing, so that results of two machines can be compared."""
    words = list(argv)
    if "libx264" not in words:
        return words
    for option in ("-preset", "-crf", "-tune"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    return [*words[:-1], *LOSSLESS, words[-1]]


def psnr_db(one: Result, other: Result) -> float:
    """Of the worst frame's luma; frames are compared by their number."""
    assert one.luma.shape == other.luma.shape
    errors = [float(np.mean((a.astype(np.int32) - b) ** 2)) for a, b in zip(one.luma, other.luma, strict=True)]
    worst = max(errors)
    return float("inf") if worst == 0 else 10 * float(np.log10(255**2 / worst))


def same_but_for_pixels(one: Result, other: Result) -> None:
    assert one.size == other.size == (one.plan.output.width, one.plan.output.height)
    assert len(one.times_s) == len(other.times_s)
    assert np.allclose(one.times_s, other.times_s, atol=1e-4)
    assert one.sound == other.sound
    assert one.has_matrix == other.has_matrix


def carried(plan: Plan, transfer: str) -> float:
    """Bytes that a plan says will cross in one direction."""
    return sum(link.bytes_per_s for link in plan.transfers if link.transfer == transfer) * plan.duration_s
