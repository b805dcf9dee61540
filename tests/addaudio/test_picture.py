"""The picture is the source's own, packet by packet, wherever the container takes it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from addaudio_support import VIDEO_S, Make, Render, Sound, Video, listen, packet_hashes, probed
from apigpu.ffmpeg.binary import Binaries

pytestmark = pytest.mark.ffmpeg

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=1", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize("name", ["plain.mp4", "early.mov", "late.mkv"])
def test_the_packets_of_a_copied_picture_are_those_of_the_source(
    name: str, sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    for fields in ({}, {"mode": "mix"}):
        output, _ = render(url_video=video(name), url_audio=sound("mp3"), **fields)
        assert packet_hashes(output, binaries) == packet_hashes(video(name), binaries)


def test_frames_out_of_a_transport_stream_decode_to_the_same_pixels(
    sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    """MP4 stores H.264 in another form, so the packets themselves differ."""
    output, _ = render(url_video=video("early.ts"), url_audio=sound("mp3"))
    assert _pixels(output, binaries) == _pixels(video("early.ts"), binaries)


def test_a_picture_that_is_cut_keeps_the_packets_before_the_end(
    sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    output, _ = render(url_video=video("plain.mp4"), url_audio=sound("wav"), length="audio")
    kept, source = packet_hashes(output, binaries), packet_hashes(video("plain.mp4"), binaries)
    assert kept == source[: len(kept)]
    assert 63 <= len(kept) < 68


@pytest.mark.parametrize(
    ("name", "codec", "tag"),
    [
        ("hevc.mp4", ("libx265", "-x265-params", "log-level=error", "-tag:v", "hev1"), "hvc1"),
        ("vp9.webm", ("libvpx-vp9", "-deadline", "realtime"), "vp09"),
        ("mpeg4.mkv", ("mpeg4", "-bf", "2"), "mp4v"),
    ],
)
def test_other_codecs_are_copied_too(
    name: str, codec: tuple[str, ...], tag: str, make: Make, sound: Sound, render: Render, binaries: Binaries
) -> None:
    source = make(name, *_PICTURE, "-c:v", *codec)
    output, plan = render(url_video=source, url_audio=sound("wav"))
    stream = probed(output, binaries, "-select_streams", "v", "-show_entries", "stream=codec_tag_string")["streams"][
        0
    ]
    assert plan.output.video == "copy"
    assert packet_hashes(output, binaries) == packet_hashes(source, binaries)
    assert stream["codec_tag_string"] == tag


def test_a_phone_video_stays_turned(
    make: Make, sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    """The copied picture is stored as it was filmed, and the note that tells players to turn it stays with it."""
    plain = str(video("mute.mp4"))
    turned = make("turned.mp4", "-i", plain, "-c", "copy", "-metadata:s:v", "rotate=90")
    if _turn(turned, binaries) is None:
        turned = make("displayed.mp4", "-display_rotation:v:0", "90", "-i", plain, "-c", "copy")
    output, plan = render(url_video=turned, url_audio=sound("wav"))
    assert plan.output.video == "copy"
    assert _turn(output, binaries) == _turn(turned, binaries) is not None


def test_the_first_frame_of_a_cut_clip_is_the_first_that_a_player_shows(
    make: Make, sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    """An edit list hides the frames between a keyframe and the cut; they are copied, and stay hidden."""
    cut = make("cut.mp4", "-ss", "2.4", "-i", str(video("plain.mp4")), "-c", "copy")
    output, _ = render(url_video=cut, url_audio=sound("wav"))
    heard = listen(output, binaries)
    assert heard.frames == round((VIDEO_S - 2.4) * 25)
    assert heard.clicks == pytest.approx([0.5], abs=0.002)


def _pixels(path: Path, binaries: Binaries) -> list[str]:
    argv = [binaries.ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"]
    done = subprocess.run(argv, capture_output=True, check=True, text=True, timeout=60)
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def _turn(path: Path, binaries: Binaries) -> int | None:
    found = probed(path, binaries, "-select_streams", "v:0", "-show_entries", "stream_side_data=rotation")
    notes = found["streams"][0].get("side_data_list", [])
    return next((note["rotation"] for note in notes if "rotation" in note), None)
