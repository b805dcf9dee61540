"""The equipment's own promises, apart from FFmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from softgpu.equipment import Personality, Trace, build, environment

pytestmark = pytest.mark.usefixtures("driver")

QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total,utilization.gpu", "--format=csv,noheader")


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("l4", "NVIDIA L4, 610.43.02, 23034 MiB, [N/A]\n"),
        ("old-driver", "Tesla T4, 450.80.02, 15360 MiB, [N/A]\n"),
        ("no-device", "No devices were found\n"),
    ],
)
def test_nvidia_smi_tells_the_card(card: Personality, says: str) -> None:
    env = environment(card)
    done = subprocess.run(
        QUERY, env=env, executable=str(build() / "bin" / "nvidia-smi"), capture_output=True, text=True
    )
    assert done.stdout == says


def test_the_same_sources_are_built_once(driver: Path) -> None:
    built = (driver / "libcuda.so.1").stat().st_mtime_ns
    build.cache_clear()
    assert build() == driver
    assert (driver / "libcuda.so.1").stat().st_mtime_ns == built


def test_the_environment_keeps_everything_but_earlier_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTGPU_MEMORY_MB", "1")
    monkeypatch.setenv("ELSEWHERE", "kept")
    env = environment("t4", sessions=2)
    assert "SOFTGPU_MEMORY_MB" not in env
    assert (env["ELSEWHERE"], env["SOFTGPU"], env["SOFTGPU_SESSIONS"]) == ("kept", "t4", "2")


def test_a_trace_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert Trace.read(tmp_path / "nothing") == Trace()


def test_a_trace_counts_by_kind(tmp_path: Path) -> None:
    lines = "allocate 9\nupload 100\nlaunch Overlay_Cuda 1x1x1 32x16x1\nencode h264 IDR 77\ncomplaint something odd\n"
    (tmp_path / "trace").write_text(lines, encoding="utf-8")
    trace = Trace.read(tmp_path / "trace")
    assert trace == Trace(
        uploads=(100,), launches=("Overlay_Cuda",), encoded=("h264",), complaints=("something odd",)
    )


def test_an_unknown_personality_is_refused() -> None:
    env = environment("t4") | {"SOFTGPU": "t5"}
    smi = str(build() / "bin" / "nvidia-smi")
    done = subprocess.run(QUERY, env=env, executable=smi, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "there is no personality t5" in done.stderr


@pytest.mark.ffmpeg
def test_a_container_without_video_compiles_its_kernels_itself(tmp_path: Path) -> None:
    env = environment("no-video-capability") | {"SOFTGPU_KERNELS": str(tmp_path)}
    picture = ("-init_hw_device", "cuda=cu", "-filter_hw_device", "cu", "-f", "lavfi", "-i", "color=s=64x64")
    chain = ("-vf", "format=yuv420p,hwupload,scale_cuda=32:32", "-frames:v", "1", "-f", "null", "-")
    command = ("ffmpeg", "-v", "error", "-nostdin", *picture, *chain)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.glob("*.so"))
