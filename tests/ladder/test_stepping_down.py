"""A machine that fails in the middle costs a rung, once for each cause; a request at fault costs none."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from apigpu.errors import FFmpegError
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.ffmpeg.failures import ROWS
from apigpu.targets.ladder import WAYS, Rung, Setbacks, rungs, step_down
from apigpu.targets.presets import named_target
from apigpu.targets.target import Target
from cli_support import make
from ladder_support import Workplace, render, stream_of
from softgpu.equipment import build

TWO_RENDERS = """
import asyncio, json, sys
from pathlib import Path
from apigpu.registry import Registry
from apigpu_runtime.cli.arguments import parse_job
from apigpu_runtime.execute import Machine, prepare, work_folder
from apigpu_runtime.rendering import render
from apigpu_runtime.settings import Settings

machine = Machine.found(Settings.from_environment(guarded=False))
words = ["caption", "--url-video", "video.mp4", "--url-srt", "subs.srt"]
job = parse_job("render", words, Registry.discover(), "", lambda group: None)
async def once(output):
    with work_folder(machine.settings) as folder:
        prepared = await prepare(job.request, base=Path.cwd(), machine=machine, folder=folder)
        target, path = machine.target("auto"), Path(output).absolute()
        outcome = await render(prepared, target, path, wanted="mp4", machine=machine, folder=folder)
        return {"rung": outcome.rung, "reasons": outcome.reasons}

for number in range(2):
    print(json.dumps(asyncio.run(once(f"{number}.mp4"))))
"""

IN_ANOTHER_PLACE = """
import os, sys
os.environ["LD_LIBRARY_PATH"] = sys.argv[1]
code = "import sys; from apigpu_runtime.cli import main; main(sys.argv[1:])"
os.execv(sys.executable, [sys.executable, "-c", code, *sys.argv[2:]])
"""


@pytest.fixture
def l4() -> Target:
    encoders = ["libx264", "h264_nvenc"]
    return named_target("l4", Capabilities.stated(filters={}, encoders=encoders))


def failure(code: str, fault: str = "machine") -> FFmpegError:
    return FFmpegError("it broke.", code=code, fault=fault)


def below(target: Target, rung: Rung, code: str) -> Rung:
    found = step_down(target, rung, failure(code))
    assert found is not None
    return found[0]


def test_the_ladder_ends_on_the_cpu_and_has_no_rung_twice(l4: Target) -> None:
    names = [rung.name for rung in rungs(l4)]
    assert names == ["cuda+nvdec+nvenc", "cuda+nvenc", "cuda+nvdec", "cuda", "cpu+nvenc", "cpu"]
    assert [rung.name for rung in rungs(named_target("cpu", l4.capabilities))] == ["cpu"]
    assert rungs(l4)[-1].target.encoders == ("libx264",)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("nvdec_failed", "cuda+nvenc"),
        ("nvenc_sessions", "cuda+nvdec"),
        ("gpu_out_of_memory", "cuda+nvenc"),
        ("gpu_failed", "cpu+nvenc"),
        ("no_video_capability", "cuda"),
        ("driver_mismatch", "cpu"),
    ],
)
def test_only_that_part_of_the_card_is_given_up_which_failed(l4: Target, code: str, wanted: str) -> None:
    assert below(l4, rungs(l4)[0], code).name == wanted


def test_every_way_down_ends(l4: Target) -> None:
    for code in WAYS:
        rung, seen = rungs(l4)[0], 0
        while found := step_down(l4, rung, failure(code)):
            rung, seen = found[0], seen + 1
        assert 1 <= seen <= 3


def test_codes_that_step_down_are_those_of_the_table_of_failures() -> None:
    assert set(WAYS) <= {row.code for _, row in ROWS if row.fault == "machine"}


@pytest.mark.parametrize("code", ["disk_full", "out_of_memory", "killed", "interrupted", "ffmpeg_failed"])
def test_what_no_other_rung_avoids_does_not_step_down(l4: Target, code: str) -> None:
    assert step_down(l4, rungs(l4)[0], failure(code)) is None


def test_a_users_fault_never_steps_down(l4: Target) -> None:
    assert step_down(l4, rungs(l4)[0], failure("media_damaged", "user")) is None
    assert step_down(l4, rungs(l4)[0], failure("gpu_failed", "user")) is None


def test_a_cause_in_one_jobs_media_is_not_held_against_the_next(l4: Target) -> None:
    setbacks = Setbacks()
    for code in ("nvenc_size", "nvenc_sessions"):
        found = step_down(l4, rungs(l4)[0], failure(code))
        assert found is not None
        setbacks.learn([found[1]])
    rung, known = setbacks.first_rung(l4)
    assert rung.name == "cuda+nvdec"
    assert [one.code for one in known] == ["nvenc_sessions"]


@pytest.fixture(scope="module")
def detected(prepared: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = prepared.copy(tmp_path_factory.mktemp("l4"))
    (doctor,) = workplace.run([("doctor", "--json")], on="l4")
    assert doctor.document["target"]["ladder"][0] == "cuda+nvdec+nvenc"
    return workplace


@pytest.fixture
def knows_l4(detected: Workplace, tmp_path: Path) -> Workplace:
    """A workplace whose cache says that all of an L4 works here."""
    return detected.copy(tmp_path)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        # Which call meets a broken device first is a race between FFmpeg's threads.
        (719, ("the GPU or its driver reported an error.", "the GPU's video decoder cannot decode this video.")),
        (2, ("the GPU's memory ran out.",)),
    ],
)
def test_a_device_that_breaks_down_in_the_middle_costs_a_rung_and_no_half_file_is_left(
    knows_l4: Workplace, fault: int, reasons: tuple[str, ...]
) -> None:
    before = set(os.listdir(knows_l4.folder))
    commands = [render("caption", "out.mp4"), render("caption", "strict.mp4", "--no-fallback")]
    done, strict = knows_l4.run(commands, on="l4", fault_after=20, fault=fault)
    assert done.status == 0
    assert done.document["rung"] in {"cuda+nvenc", "cpu+nvenc", "cpu"}
    assert done.document["reasons"][0].endswith(reasons)
    assert stream_of(knows_l4.folder / "out.mp4")["nb_read_frames"] == "15"
    assert strict.status == 1
    assert strict.document["error"]["message"] in reasons
    assert set(os.listdir(knows_l4.folder)) - before == {"out.mp4"}


@pytest.mark.ffmpeg
def test_a_device_that_breaks_down_near_the_end_leaves_no_pictures_out(knows_l4: Workplace) -> None:
    """FFmpeg 5 skips what a broken NVDEC does not decode, and exits with 0 unless that is two thirds of it."""
    make(knows_l4.folder, "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4", "-pix_fmt", "yuv420p", "long.mp4")
    long = ("render", "caption", "--url-video", "long.mp4", "--url-srt", "subs.srt", "-o", "out.mp4", "--json")
    (done,) = knows_l4.run([long], on="l4", fault_after=300)
    assert done.status == 0, done.out
    assert done.document["rung"] != "cuda+nvdec+nvenc"
    assert stream_of(knows_l4.folder / "out.mp4")["nb_read_frames"] == "100"


@pytest.mark.ffmpeg
def test_a_setback_is_remembered_by_the_process(knows_l4: Workplace) -> None:
    trace = knows_l4.folder / "trace"
    first, second = map(json.loads, knows_l4.script(TWO_RENDERS, on="session-limit", trace=trace))
    assert first == second
    assert first["rung"] == "cuda+nvdec"
    assert "the GPU allows no further encoding session." in first["reasons"][0]


@pytest.mark.ffmpeg
def test_a_card_with_too_little_memory_for_a_video_does_without(knows_l4: Workplace) -> None:
    large = ("render", "caption", "--url-video", "large.mp4", "--url-srt", "subs.srt", "-o", "out.mp4", "--json")
    (done,) = knows_l4.run([large], on="out-of-memory")
    assert done.status == 0, done.out
    assert "the GPU's memory ran out." in done.document["reasons"][0]
    assert stream_of(knows_l4.folder / "out.mp4")["height"] == 1080


@pytest.mark.ffmpeg
def test_a_video_that_nvdec_refuses_without_a_word_is_told_of(knows_l4: Workplace) -> None:
    (done,) = knows_l4.run([render("caption", "out.mp4")], on="nvdec-without-codec")
    assert done.document["rung"] == "cuda+nvdec+nvenc"
    assert done.document["decoders"] == ["h264 (CPU, refused by NVDEC)"]
    assert done.document["reasons"] == ["NVDEC refused this h264 video, so it was decoded on the CPU."]


@pytest.mark.ffmpeg
def test_a_damaged_video_fails_on_the_first_rung(knows_l4: Workplace) -> None:
    video = knows_l4.folder / "video.mp4"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    (done,) = knows_l4.run([render("caption", "out.mp4")], on="l4")
    assert done.status == 2
    assert not (knows_l4.folder / "out.mp4").exists()


@pytest.mark.ffmpeg
def test_a_target_that_requires_cuda_says_why_there_is_none(workplace: Workplace) -> None:
    (done,) = workplace.run([render("caption", "out.mp4", "--target", "cuda")], on="no-device")
    assert done.status == 2
    assert done.document["error"]["code"] == "no_cuda"
    assert "no NVIDIA GPU is visible to FFmpeg." in done.document["error"]["message"]


@pytest.mark.ffmpeg
def test_what_was_found_counts_until_the_driver_changes(knows_l4: Workplace, tmp_path: Path) -> None:
    words = ("plan", "caption", "--url-video", "video.mp4", "--url-srt", "subs.srt", "--format", "json")
    (kept,) = knows_l4.run([words], on="h100")
    assert kept.document["device"] == "NVIDIA L4"
    shutil.copytree(build(), tmp_path / "driver", symlinks=True)
    shown = knows_l4.script(IN_ANOTHER_PLACE, str(tmp_path / "driver"), *words, on="h100")
    assert json.loads("\n".join(shown))["device"].startswith("NVIDIA H100")
