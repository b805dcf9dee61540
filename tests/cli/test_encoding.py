"""`--codec` and `--quality`: what they change, and what they refuse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cli_support import Call

pytestmark = pytest.mark.ffmpeg


def caption(media: Path) -> list[str | Path]:
    return ["caption", "--url-video", media / "video.mp4", "--url-srt", media / "subs.srt", "--target", "cpu"]


def test_a_plan_tells_the_encoder_of_the_codec_at_this_quality(apigpu: Call, media: Path) -> None:
    told = apigpu("plan", *caption(media), "--codec", "hevc", "--quality", "90", "--json")
    assert told.status == 0, told.err
    plan = json.loads(told.out)
    assert plan["output"]["video"] == "libx265"
    default = json.loads(apigpu("plan", *caption(media), "--codec", "hevc", "--json").out)
    assert crf(plan) < crf(default)


def crf(plan: dict[str, object]) -> float:
    words = plan["steps"][0]["arguments"]  # type: ignore[index]
    return float(words[words.index("-crf") + 1])


@pytest.mark.parametrize(("codec", "output"), [("hevc", "out.mov"), ("av1", "out.mkv")])
def test_a_render_has_the_codec_that_was_asked_for(apigpu: Call, media: Path, codec: str, output: str) -> None:
    told = apigpu("render", *caption(media), "--codec", codec, "--quality", "30", "-o", output)
    assert told.status == 0, told.err
    entries = ["-select_streams", "v:0", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]
    assert subprocess.check_output(["ffprobe", "-v", "error", *entries, output], text=True).strip() == codec


@pytest.mark.parametrize(
    ("flags", "output", "sentence"),
    [
        (["--codec", "h266"], "out.mp4", "codec: there is no encoder of 'h266'"),
        (["--codec", ""], "out.mp4", "codec: there is no encoder of ''"),
        (["--codec", "png"], "out.mp4", "codec: there is no encoder of 'png'"),
        (["--codec", "av1"], "out.mov", "codec: mov takes no av1"),
        (["--quality", "0"], "out.mp4", "quality: a quality lies from 1 to 100, not at 0"),
        (["--quality", "-1"], "out.mp4", "quality: a quality lies from 1 to 100, not at -1"),
        (["--quality", "101"], "out.mp4", "quality: a quality lies from 1 to 100, not at 101"),
        (["--quality", "good"], "out.mp4", "quality: must be a whole number, not 'good'"),
        (["--quality", "7.5"], "out.mp4", "quality: must be a whole number, not '7.5'"),
        (["--quality", "9" * 5000], "out.mp4", "quality: "),
    ],
)
def test_what_cannot_be_encoded_is_refused_before_anything_is_read(
    apigpu: Call, media: Path, flags: list[str], output: str, sentence: str
) -> None:
    told = apigpu("render", *caption(media), *flags, "-o", output)
    assert (told.status, told.out) == (2, "")
    assert told.err.startswith(f"error: {sentence}")
    assert not Path(output).exists()
