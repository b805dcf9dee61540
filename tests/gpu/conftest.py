"""Both ends of the range of FFmpegs on the software driver, the operations, and small files of every awkward kind."""

from __future__ import annotations

import asyncio
import os
import subprocess
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import Binaries, find_binaries, packaged
from apigpu.ffmpeg.capabilities import capabilities_of
from apigpu.media.facts import MediaFile
from apigpu.media.fields import MediaKind
from apigpu.media.probe import probe
from apigpu.registry import Registry
from gpu_support import Bench, Result
from softgpu.equipment import EquipmentMissing, build

ROOT = Path(__file__).resolve().parents[2]
SRT = b"1\n00:00:00,200 --> 00:00:00,520\nOne {not code}\n\n2\n00:00:00,600 --> 00:00:02,000\nTwo\n"
MOVING = "testsrc2=s=384x240:r=25:d=1"
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
TONE = ("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac")
RECIPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "plain.mp4": (MOVING, X264),
    "silent.mp4": (MOVING, (*X264, "-an")),
    "small.mp4": ("testsrc2=s=318x190:r=25:d=1", X264),
    "odd.webm": ("testsrc=s=319x191:r=25:d=1", (*VP9, "-an")),
    "hevc-10.mp4": (MOVING, (*X265, "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1")),
    "hevc.mp4": (MOVING, (*X265, "-pix_fmt", "yuv420p", "-tag:v", "hvc1")),
    "h264-10.mp4": (MOVING, ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p10le")),
    "vfr.mp4": (f"{MOVING},setpts='N/25/TB+if(gt(mod(N,5),2),0.016/TB,0)',settb=1/1000", (*X264, "-fps_mode", "vfr")),
    "interlaced.mp4": (
        f"{MOVING.replace('25', '50')},tinterlace=interleave_top,fieldorder=tff",
        (*X264, "-flags", "+ildct+ilme"),
    ),
    "wide-pixels.mp4": (f"{MOVING},setsar=4/3", X264),
    "mjpeg.mov": (MOVING, ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
}
ROTATIONS = {"phone-90.mov": 90, "phone-180.mov": 180}


@pytest.fixture(scope="session")
def at_hand() -> Binaries:
    try:
        build()
        return find_binaries(os.environ)
    except (EquipmentMissing, SetupError) as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session", params=["at hand", "packaged"])
def each_binaries(request: pytest.FixtureRequest, at_hand: Binaries) -> Binaries:
    """Debian's FFmpeg (5.1 is the oldest that is supported) and the packaged one (the newest)."""
    if request.param == "at hand":
        return at_hand
    other = packaged("ffmpeg")
    if other is None or other == at_hand.ffmpeg:
        pytest.skip("the packaged FFmpeg is not installed")
    return find_binaries({**os.environ, "APIGPU_FFMPEG": other})


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The three operations and the one of the examples."""
    path = ROOT / "examples" / "apigpu-blur" / "src" / "apigpu_blur.py"
    spec = spec_from_file_location("apigpu_blur", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found = Registry.discover(disabled=())
    return replace(found, operations={**found.operations, "blur": module.blur})


@pytest.fixture(scope="session")
def files(at_hand: Binaries, tmp_path_factory: pytest.TempPathFactory) -> dict[str, MediaFile]:
    """Facts of a second of video each, by what is odd about them, a tone and a photo."""
    folder = tmp_path_factory.mktemp("gpu-media")
    _make(at_hand.ffmpeg, folder)
    kinds = {".wav": MediaKind.AUDIO, ".jpg": MediaKind.IMAGE}

    async def facts(path: Path) -> MediaFile:
        kind = kinds.get(path.suffix, MediaKind.VIDEO)
        return await probe(path, kind, binaries=at_hand, workdir=folder)

    return {path.name: asyncio.run(facts(path)) for path in sorted(folder.iterdir())}


def _make(ffmpeg: str, folder: Path) -> None:
    inputs: list[str] = ["-f", "lavfi", "-i", "sine=d=1"]
    outputs: list[str] = []
    for number, (name, (source, options)) in enumerate(RECIPES.items()):
        inputs += ["-f", "lavfi", "-i", source]
        sound = () if "-an" in options else ("-map", "0:a", "-c:a", "aac")
        outputs += ["-map", f"{number + 1}:v", *sound, *options, str(folder / name)]
    outputs += ["-map", "0:a", "-t", "0.7", str(folder / "tone.wav")]
    outputs += ["-map", "1:v", "-frames:v", "1", "-s", "768x480", str(folder / "photo.jpg")]
    subprocess.run([ffmpeg, "-v", "error", *inputs, *outputs], check=True, timeout=60)
    for name, turn in ROTATIONS.items():
        copied = [
            "-i",
            str(folder / "plain.mp4"),
            "-c",
            "copy",
            "-metadata:s:v",
            f"rotate={turn}",
            str(folder / name),
        ]
        subprocess.run([ffmpeg, "-v", "error", *copied], check=True, timeout=60)


@pytest.fixture(scope="session")
def remembered() -> dict[tuple[str, str], Result]:
    """What the CPU gave, for tests that compare several cards with it."""
    return {}


@pytest.fixture
def bench(
    each_binaries: Binaries,
    registry: Registry,
    files: dict[str, MediaFile],
    remembered: dict[tuple[str, str], Result],
    tmp_path: Path,
) -> Bench:
    known = capabilities_of(each_binaries)
    return Bench(each_binaries, known, registry, tmp_path, files, {"it.srt": SRT}, remembered)
