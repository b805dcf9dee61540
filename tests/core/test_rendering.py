"""Compiled clips, rendered by the real FFmpeg: what comes out is what was promised."""

from __future__ import annotations

import asyncio
import json
from array import array
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apigpu.compiler import OutputSpec, compile_clip, cut_to_frame, cut_to_stretch
from apigpu.errors import InputError
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import capabilities_of
from apigpu.ffmpeg.process import capture_sync
from apigpu.filters import Concat, FrameRate, Scale, Trim
from apigpu.formats import Domain
from apigpu.graph import Asset, AssetFolder, Implementation, VideoFilter
from apigpu.media.facts import MediaFile
from apigpu.media.fields import MediaKind
from apigpu.media.handles import Media
from apigpu.media.probe import probe
from apigpu.plan import Plan
from apigpu.streams import Clip, VideoStream
from apigpu.targets.presets import named_target
from apigpu.targets.target import Target
from support import media_file

pytestmark = pytest.mark.ffmpeg


@pytest.fixture
def target(each_binaries: Binaries) -> Target:
    return named_target("cpu", capabilities_of(each_binaries))


def make(binaries: Binaries, path: Path, *arguments: str) -> None:
    done = capture_sync([binaries.ffmpeg, "-v", "error", "-y", *arguments, str(path)], timeout_s=60)
    assert done.exit_code == 0, done.stderr.decode()


def render(plan: Plan, binaries: Binaries, folder: Path, name: str = "out.mp4") -> Path:
    for asset in plan.assets:
        (folder / asset.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / asset.path).write_bytes(asset.content)
    argv = plan.argv(ffmpeg=binaries.ffmpeg, output=str(folder / name))
    done = capture_sync([argv[0], "-v", "error", *argv[1:]], timeout_s=60, cwd=folder)
    assert done.exit_code == 0, done.stderr.decode()
    return folder / name


def streams_of(binaries: Binaries, path: Path) -> list[dict[str, object]]:
    argv = [binaries.ffprobe, "-v", "error", "-show_streams", "-count_packets", "-of", "json", str(path)]
    streams: list[dict[str, object]] = json.loads(capture_sync(argv, timeout_s=20).stdout)["streams"]
    return streams


def corner(binaries: Binaries, path: Path, crop: str) -> tuple[int, ...]:
    """Average colour (RGB) of a part of the first frame, as it is stored, not as a player would turn it."""
    chain = f"crop={crop},scale=1:1:flags=area,format=rgb24"
    argv = [binaries.ffmpeg, "-v", "error", "-noautorotate", "-i", str(path), "-vf", chain, "-frames:v", "1"]
    return tuple(capture_sync([*argv, "-f", "rawvideo", "-"], timeout_s=20).stdout)


def video_of(file: MediaFile) -> VideoStream:
    video = Media(files={"in": file}).video("in").video
    assert video is not None
    return video


def quadrants(binaries: Binaries, path: Path) -> None:
    """160x120: red top left, green top right, blue bottom left, white bottom right."""
    names = {"a": "red", "b": "lime", "c": "blue", "d": "white"}
    colours = ";".join(f"color={name}:s=80x60:d=0.2[{pad}]" for pad, name in names.items())
    graph = f"{colours};[a][b]hstack[t];[c][d]hstack[u];[t][u]vstack,format=yuv420p[v]"
    make(binaries, path, "-filter_complex", graph, "-map", "[v]", "-c:v", "libx264", "-qp", "4")


@pytest.mark.parametrize(
    ("rotation_deg", "mirrored", "top_left"),
    [(90, False, (0, 0, 255)), (180, False, (255, 255, 255)), (270, False, (0, 255, 0)), (0, True, (0, 255, 0))],
)
def test_a_turned_video_comes_out_upright_and_without_its_rotation(
    each_binaries: Binaries,
    target: Target,
    tmp_path: Path,
    rotation_deg: int,
    mirrored: bool,
    top_left: tuple[int, ...],
) -> None:
    quadrants(each_binaries, tmp_path / "in.mp4")
    facts = media_file(
        path=str(tmp_path / "in.mp4"),
        width=160,
        height=120,
        duration_s=0.2,
        rotation_deg=rotation_deg,
        mirrored=mirrored,
    )
    video = video_of(replace(facts, audios=())).filter("hue", s=1)
    out = render(compile_clip(Clip(video), target), each_binaries, tmp_path)
    seen = corner(each_binaries, out, "20:20:10:10")
    assert all(abs(a - b) < 12 for a, b in zip(seen, top_left, strict=True))
    (stream,) = streams_of(each_binaries, out)
    assert (stream["width"], stream["height"]) == ((120, 160) if rotation_deg % 180 else (160, 120))
    assert not any("rotation" in data for data in stream.get("side_data_list", []))  # type: ignore[attr-defined]


def test_wide_pixels_become_a_wide_picture(each_binaries: Binaries, target: Target, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=s=160x120:d=0.2", "-vf", "setsar=2/1", "-c:v", "libx264"]
    make(each_binaries, tmp_path / "in.mp4", *source, "-pix_fmt", "yuv420p")
    facts = media_file(path=str(tmp_path / "in.mp4"), width=160, height=120, duration_s=0.2, sar=Fraction(2))
    video = video_of(replace(facts, audios=())).filter("hue", s=1)
    (stream,) = streams_of(each_binaries, render(compile_clip(Clip(video), target), each_binaries, tmp_path))
    assert (stream["width"], stream["height"], stream["sample_aspect_ratio"]) == (320, 120, "1:1")


def test_an_odd_picture_loses_its_last_row_and_column(
    each_binaries: Binaries, target: Target, tmp_path: Path
) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=s=161x121:d=0.2", "-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p"]
    make(each_binaries, tmp_path / "in.webm", *source)
    facts = media_file(path=str(tmp_path / "in.webm"), width=161, height=121, duration_s=0.2, codec="vp9")
    facts = replace(facts, audios=(), format="matroska,webm")
    plan = compile_clip(Clip(video_of(facts).filter("hue", s=1)), target)
    (stream,) = streams_of(each_binaries, render(plan, each_binaries, tmp_path))
    assert (stream["width"], stream["height"]) == (160, 120)


def test_an_untouched_picture_is_copied_packet_for_packet(
    each_binaries: Binaries, target: Target, clip_file: MediaFile, tmp_path: Path
) -> None:
    plan = compile_clip(Media(files={"in": clip_file}).video("in"), target)
    assert (plan.output.video, plan.output.audio) == ("copy", "copy")
    out = render(plan, each_binaries, tmp_path)
    assert video_hash(each_binaries, Path(clip_file.path)) == video_hash(each_binaries, out)


def video_hash(binaries: Binaries, path: Path) -> bytes:
    argv = [binaries.ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v:0", "-c", "copy", "-f", "streamhash", "-"]
    return capture_sync(argv, timeout_s=20).stdout


def test_pictures_in_a_row_have_every_frame_once(
    each_binaries: Binaries, target: Target, clip_file: MediaFile, tmp_path: Path
) -> None:
    video = video_of(clip_file)
    joined = video.apply(Concat(), video.filter("hflip"), video.apply(Trim(0.5, 1.0)))
    plan = compile_clip(Clip(joined), target)
    assert plan.output.frames == 50
    (stream,) = streams_of(each_binaries, render(plan, each_binaries, tmp_path))
    assert stream["nb_read_packets"] == "50"


def test_the_same_clip_gives_the_same_plan(target: Target, clip_file: MediaFile) -> None:
    def plan() -> Plan:
        video = video_of(clip_file)
        return compile_clip(Clip(video.filter("gblur", sigma=2.0).apply(Concat(), video)), target)

    assert plan() == plan()


@pytest.mark.parametrize("at_s", [0.0, 0.12, 0.5, 0.98])
def test_a_preview_is_the_frame_that_the_render_shows_at_that_moment(
    each_binaries: Binaries, target: Target, clip_file: MediaFile, tmp_path: Path, at_s: float
) -> None:
    video = video_of(clip_file).apply(Scale(80, 60)).filter("hue", s=0.5)
    joined = Clip(video.apply(Concat(), video.filter("hflip")))
    whole = compile_clip(joined, target)
    argv = list(whole.argv(ffmpeg=each_binaries.ffmpeg, output=str(tmp_path / "all.mkv")))
    lossless = {"20": "0", "mp4": "matroska", "h264": "h264"}
    argv = [lossless.get(item, item) for item in argv if item not in {"-movflags", "+faststart"}]
    assert capture_sync([argv[0], "-v", "error", *argv[1:]], timeout_s=60).exit_code == 0
    for moment in (at_s, at_s + 1.0):
        frame = compile_clip(cut_to_frame(joined, moment), target, output=OutputSpec("png"))
        shown = pixels(each_binaries, render(frame, each_binaries, tmp_path, "frame.png"), "0")
        number = int(moment * 20 + 1e-6)
        assert nearly_equal(shown, pixels(each_binaries, tmp_path / "all.mkv", str(number)))


def pixels(binaries: Binaries, path: Path, number: str) -> bytes:
    chain = f"select='eq(n,{number})',format=rgb24"
    argv = [binaries.ffmpeg, "-v", "error", "-i", str(path), "-vf", chain, "-frames:v", "1", "-f", "rawvideo", "-"]
    return capture_sync(argv, timeout_s=20).stdout


def nearly_equal(one: bytes, other: bytes) -> bool:
    """Rounding on the way through 4:2:0 moves a value by a few steps; another frame moves many by many."""
    assert len(one) == len(other) == 80 * 60 * 3
    return sum(abs(a - b) > 12 for a, b in zip(one, other, strict=True)) < len(one) // 200


@pytest.mark.parametrize(("start_s", "frames"), [(0.0, 12), (0.9, 12), (1.5, 10), (1.99, 1)])
def test_a_stretch_shows_the_frames_of_the_render_from_its_moment_on(
    each_binaries: Binaries, target: Target, clip_file: MediaFile, tmp_path: Path, start_s: float, frames: int
) -> None:
    """Two videos of 1 s and 20 frames, joined; 0.6 s of them, at half their height."""
    video = video_of(clip_file).apply(Scale(160, 120))
    joined = Clip(video.apply(Concat(), video.filter("hflip")))
    assert joined.video is not None
    clips = {
        "part.mp4": cut_to_stretch(joined, start_s, 0.6, max_height=60),
        "all.mp4": Clip(joined.video.apply(Scale(80, 60))),
    }
    for name, clip in clips.items():
        argv = compile_clip(clip, target).argv(output=str(tmp_path / name))
        lossless = ["0" if item == "20" else item for item in argv]
        assert capture_sync([each_binaries.ffmpeg, "-v", "error", *lossless[1:]], timeout_s=60).exit_code == 0
    (stream,) = streams_of(each_binaries, tmp_path / "part.mp4")
    assert stream["nb_read_packets"] == str(frames)
    for number in (0, frames - 1):
        expected = pixels(each_binaries, tmp_path / "all.mp4", str(int(start_s * 20 + 1e-6) + number))
        assert pixels(each_binaries, tmp_path / "part.mp4", str(number)) == expected


def test_a_stretch_has_its_part_of_the_sound(each_binaries: Binaries, target: Target, tmp_path: Path) -> None:
    """A second of silence and a second of tone; half a second from either is as loud as that."""
    source = tmp_path / "sound.mp4"
    sound = "aevalsrc='if(gte(t,1),0.5*sin(880*t),0)':s=48000:d=2"
    make(each_binaries, source, "-f", "lavfi", "-i", "testsrc2=s=64x64:r=20:d=2", "-f", "lavfi", "-i", sound)
    facts = asyncio.run(probe(source, MediaKind.VIDEO, binaries=each_binaries, workdir=tmp_path))
    clip = Media(files={"in": facts}).video("in")
    for start_s, is_loud in ((0.2, False), (1.3, True)):
        plan = compile_clip(cut_to_stretch(clip, start_s, 0.5, max_height=360), target)
        out = render(plan, each_binaries, tmp_path, f"{start_s}.mp4")
        argv = [each_binaries.ffmpeg, "-v", "error", "-i", str(out), "-f", "s16le", "-ac", "1", "-"]
        samples = array("h", capture_sync(argv, timeout_s=20).stdout)
        assert len(samples) / 48000 == pytest.approx(0.5, abs=0.03)
        assert (max(map(abs, samples[2000:-3000])) > 8000) is is_loud


def test_a_preview_after_the_end_is_refused(clip_file: MediaFile) -> None:
    with pytest.raises(InputError, match=r"no frame at 1 s: the result lasts 1\.000 s"):
        cut_to_frame(Clip(video_of(clip_file)), 1.0)


def test_an_empty_clip_and_an_unknown_container_are_refused(target: Target, clip_file: MediaFile) -> None:
    with pytest.raises(InputError, match="neither picture nor sound"):
        compile_clip(Clip(), target)
    with pytest.raises(InputError, match="no container that can be written"):
        compile_clip(Clip(video_of(clip_file)), target, output=OutputSpec("exe"))


def test_a_new_frame_rate_keeps_the_length(
    each_binaries: Binaries, target: Target, clip_file: MediaFile, tmp_path: Path
) -> None:
    plan = compile_clip(Clip(video_of(clip_file).apply(FrameRate(Fraction(30000, 1001)))), target)
    (stream,) = streams_of(each_binaries, render(plan, each_binaries, tmp_path))
    assert (stream["r_frame_rate"], stream["nb_read_packets"]) == ("30000/1001", "30")


# ------------------------------------------------------------------------------------------- hostile text in options


class Named(VideoFilter):
    """Reads an asset of a given name, and draws a given text; neither may be read as anything else."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def implementations(self, *inputs: object) -> list[Implementation]:
        curves = Asset(self.name, b"0,0;1,1")
        folder = AssetFolder(self.name, (Asset(self.name, b"x"),))

        def build(fragment, video):  # type: ignore[no-untyped-def]
            video = fragment.filter("metadata", video, mode="add", key="k", value=self.text)
            video = fragment.filter("metadata", video, mode="add", key=self.name, value=folder)
            return fragment.filter("metadata", video, mode="add", key="asset", value=curves)

        return [Implementation(domain=Domain.SYSTEM, accepts=(("yuv420p",),), build=build)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text),
    # FFmpeg drops white space around an option's value, which no escape prevents.
    text=st.text(min_size=1, max_size=30).filter(lambda text: "\0" not in text and text == text.strip(" \n\t\r")),
)
def test_no_text_in_an_option_or_an_assets_name_is_read_as_anything_else(
    binaries: Binaries, clip_file: MediaFile, name: str, text: str
) -> None:
    try:
        (name + text).encode()
    except UnicodeEncodeError:
        return
    target = named_target("cpu", capabilities_of(binaries))
    plan = compile_clip(Clip(video_of(clip_file).apply(Named(name, text))), target)
    assert all(set(asset.path) <= set(SAFE) for asset in plan.assets)
    argv = plan.argv(ffmpeg=binaries.ffmpeg, output="-")
    graph = argv[argv.index("-filter_complex") + 1].replace(
        "[s2]", "[s3];[s3]metadata=mode=print:key=k:file=-[s2]", 1
    )
    run = ["-v", "error", "-i", clip_file.path, "-filter_complex", graph, "-map", "[s2]", "-frames:v", "1"]
    done = capture_sync([binaries.ffmpeg, *run, "-f", "null", "-"], timeout_s=30)
    assert done.exit_code == 0, done.stderr
    assert f"k={text}".encode() in done.stdout


SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-/"
