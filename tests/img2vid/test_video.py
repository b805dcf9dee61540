"""The finished video: frames counted in the file, sequences, single frames of a preview."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path as File

import numpy as np
import pytest
from PIL import Image

from apigpu.compiler import compile_clip, cut_to_frame
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import capabilities_of
from apigpu.ffmpeg.process import capture_sync
from apigpu.media.facts import ImageFacts, MediaFile
from apigpu.media.handles import Media
from apigpu.streams import Clip
from apigpu.targets.presets import named_target
from apigpu_img2vid import Img2VidInput, img2vid
from img2vid_support import Shown, raw_frames

Facts = Callable[[File], MediaFile]
SMALL = {"width": 160, "height": 90}
COLOURS = ("#c02020", "#20c020", "#2020c0", "#c0c020")


@pytest.fixture
def stills(tmp_path: File) -> list[File]:
    files = [tmp_path / f"{number}.png" for number in range(len(COLOURS))]
    for file, colour in zip(files, COLOURS, strict=True):
        Image.new("RGB", (320, 240), colour).save(file)
    return files


def clip_of(stills: list[File], facts: Facts, **fields: object) -> Clip:
    media = Media({str(file): facts(file) for file in stills})
    return img2vid.build(Img2VidInput.model_validate({**SMALL, **fields}), media)


def colour_of(shown: Shown, frame: int) -> str:
    """The nearest of the stills' colours."""
    seen = shown.rgb(frame)[45, 80]
    told = [np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in COLOURS]
    return COLOURS[int(np.argmin([abs(seen - colour).sum() for colour in told]))]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("rate", "exact"), [(29.97, "30000/1001"), (24, "24/1"), (12.5, "25/2"), (60, "60/1")])
def test_the_file_has_the_promised_frames_at_the_promised_rate(
    rate: float, exact: str, stills: list[File], still_facts: Facts, each_binaries: Binaries, tmp_path: File
) -> None:
    images = [{"image_url": str(file), "duration": 0.37, "motion": "pan_left"} for file in stills[:3]]
    clip = clip_of(stills, still_facts, images=images, frame_rate=rate)
    plan = compile_clip(clip, named_target("cpu", capabilities_of(each_binaries)))
    for asset in plan.assets:
        (tmp_path / asset.path).write_bytes(asset.content)
    done = capture_sync(
        plan.argv(ffmpeg=each_binaries.ffmpeg, output=str(tmp_path / "o.mp4")), timeout_s=60, cwd=tmp_path
    )
    assert done.exit_code == 0, done.stderr.decode()
    asked = "stream=nb_read_frames,r_frame_rate,color_space,color_range,sample_aspect_ratio,pix_fmt"
    probing = ["-v", "error", "-count_frames", "-show_entries", asked, "-of", "csv=p=0", str(tmp_path / "o.mp4")]
    said = capture_sync([each_binaries.ffprobe, *probing], timeout_s=30).stdout.decode().strip().split(",")
    frames = round(3 * Fraction("0.37") * Fraction(exact))
    assert set(said) == {"1:1", "yuv420p", "tv", "bt709", exact, str(frames)}


@pytest.mark.ffmpeg
def test_stills_follow_each_other_on_the_frame(
    stills: list[File], still_facts: Facts, binaries: Binaries, tmp_path: File
) -> None:
    """0.24 s, 0.1 s, 0.1 s and 0.26 s at 10 frames a second: cuts at 2.4, 3.4, 4.4 and 7 become 2, 3, 4 and 7."""
    durations = (0.24, 0.1, 0.1, 0.26)
    images = [{"image_url": str(file), "duration": long} for file, long in zip(stills, durations, strict=True)]
    shown = raw_frames(clip_of(stills, still_facts, images=images, frame_rate=10), binaries, tmp_path)
    numbers = [COLOURS.index(colour_of(shown, frame)) for frame in range(len(shown.y))]
    assert numbers == [0, 0, 1, 2, 3, 3, 3]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("at_s", "still"), [(0.0, 0), (0.45, 0), (0.5, 1), (0.55, 1), (0.95, 1), (1.0, 2), (1.49, 2)]
)
def test_a_preview_shows_the_still_of_its_moment(
    at_s: float, still: int, stills: list[File], still_facts: Facts, binaries: Binaries, tmp_path: File
) -> None:
    images = [{"image_url": str(file), "duration": 0.5, "motion": "zoom_in"} for file in stills[:3]]
    clip = clip_of(stills, still_facts, images=images, frame_rate=20)
    shown = raw_frames(cut_to_frame(clip, at_s), binaries, tmp_path)
    assert len(shown.y) == 1
    assert colour_of(shown, 0) == COLOURS[still]


@pytest.mark.ffmpeg
def test_a_preview_frame_is_the_frame_of_the_video(still_facts: Facts, binaries: Binaries, tmp_path: File) -> None:
    file = tmp_path / "noise.png"
    y, x = np.mgrid[:240, :320]
    Image.fromarray((128 + 90 * np.sin(x / 7) * np.cos(y / 9)).astype(np.uint8)).save(file)
    clip = clip_of([file], still_facts, url_image=str(file), duration=2, frame_rate=20, motion="pan_right")
    whole = raw_frames(clip, binaries, tmp_path)
    one = raw_frames(cut_to_frame(clip, 1.3), binaries, tmp_path)
    error = [abs(whole.y[frame].astype(int) - one.y[0]).mean() for frame in (25, 26, 27)]
    assert error[1] < 0.5
    assert error[1] < min(error[0], error[2]) / 3


def test_a_hundred_stills_of_one_size_are_planned_once(binaries: Binaries) -> None:
    from apigpu_img2vid.rational import sheet_of

    sheet_of.cache_clear()
    facts = ImageFacts(width=4000, height=3000, pix_fmt="yuvj420p", codec="mjpeg")
    names = [f"/media/{number}.jpg" for number in range(100)]
    media = Media({name: MediaFile(path=name, format="jpeg_pipe", size_bytes=1, image=facts) for name in names})
    images = [{"image_url": name, "duration": 4, "motion": "zoom_in"} for name in names]
    clip = img2vid.build(Img2VidInput.model_validate({"images": images, "frame_rate": 30}), media)
    plan = compile_clip(clip, named_target("cpu", capabilities_of(binaries)))
    assert sheet_of.cache_info().misses == 1
    assert len({asset.sha256 for asset in plan.assets}) == 100  # each addresses filters of its own
    assert plan.output.frames == 12000


def test_the_same_request_gives_the_same_command_line(binaries: Binaries) -> None:
    facts = ImageFacts(width=4000, height=3000, pix_fmt="yuvj420p", codec="mjpeg", orientation=6)
    media = Media({"a": MediaFile(path="/media/a.jpg", format="jpeg_pipe", size_bytes=1, image=facts)})
    request = Img2VidInput(url_image="a", fit="contain")
    target = named_target("cpu", capabilities_of(binaries))
    plans = [compile_clip(img2vid.build(request, media), target) for _ in range(2)]
    assert plans[0] == plans[1]


def test_importing_the_plugin_brings_no_heavy_library() -> None:
    code = "import sys, apigpu_img2vid; print(*{'numpy', 'PIL', 'ffmpeg', 'runpod', 'subprocess'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
