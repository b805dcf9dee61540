"""The demo itself: its pipeline planned as it is, and rendered small."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from apigpu_runtime.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.ffmpeg


@pytest.mark.parametrize("target", ["cpu", "l4"])
def test_the_demo_is_one_ffmpeg_run_of_twelve_seconds(target: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "pipeline", str(EXAMPLES / "demo.json"), "--target", target, "--json"]) == 0
    plan = json.loads(capfd.readouterr().out)
    assert len(plan["steps"]) == 1
    assert (plan["output"]["frames"], plan["output"]["duration_s"], plan["output"]["audio"]) == (360, 12.0, "aac")
    assert {"img2vid", "addaudio", "caption"} <= {node["owner"] for node in plan["nodes"]}
    assert plan["warnings"] == []


def test_the_demo_renders_with_its_narration_and_its_subtitles(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(EXAMPLES / "media", tmp_path / "media")
    request = json.loads((EXAMPLES / "demo.json").read_text(encoding="utf-8"))
    request["steps"][0] |= {"width": 480, "height": 270}
    (tmp_path / "demo.json").write_text(json.dumps(request), encoding="utf-8")
    result = tmp_path / "demo.mp4"
    assert main(["render", "pipeline", str(tmp_path / "demo.json"), "-o", str(result)]) == 0, capfd.readouterr().err
    entries = "stream=codec_type,width,height,nb_frames,duration"
    probe = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", str(result)]
    streams = json.loads(subprocess.run(probe, capture_output=True, check=True, timeout=60).stdout)["streams"]
    picture, sound = streams
    assert (picture["width"], picture["height"], int(picture["nb_frames"])) == (480, 270, 360)
    assert float(picture["duration"]) == pytest.approx(12.0, abs=0.001)
    assert sound["codec_type"] == "audio"
    assert float(sound["duration"]) == pytest.approx(12.0, abs=0.05)
    assert brightest_at(result, 7.0) > 235  # white letters
    assert brightest_at(result, 8.0) < 200  # the same picture, between two cues


def brightest_at(video: Path, time_s: float) -> int:
    """The highest luma in the lowest sixth of a frame, where the subtitles stand."""
    graph = "crop=iw:ih/6:0:ih*5/6,format=gray"
    command = ["ffmpeg", "-v", "error", "-ss", str(time_s), "-i", str(video), "-vf", graph]
    done = subprocess.run(
        [*command, "-frames:v", "1", "-f", "rawvideo", "-"], capture_output=True, check=True, timeout=60
    )
    return max(done.stdout)
