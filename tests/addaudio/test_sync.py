"""A click stays within 2 ms of its place, whatever holds it and whenever the video begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from addaudio_support import OWN_CLICKS_S, SOUND_CLICKS_S, VIDEO_S, Render, Sound, Video, listen, renderer
from apigpu.ffmpeg.binary import Binaries
from apigpu_runtime.execute import Machine

pytestmark = pytest.mark.ffmpeg

NEAR = 0.002
ADTS_PRIMING_S = 1024 / 44100
"""What FFmpeg's AAC encoder puts before the sound. A raw file does not say so: every player plays it."""
SHIFTS_S = {"plain": 0.0, "early": -0.4, "late": 0.4}


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "m4a", "adts", "opus in ogg", "opus in webm", "vorbis"])
def test_a_click_in_the_new_sound_keeps_its_place(
    kind: str, sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    output, _ = render(url_video=video("plain.ts"), url_audio=sound(kind))
    priming_s = ADTS_PRIMING_S if kind == "adts" else 0.0
    assert listen(output, binaries).clicks == pytest.approx([at + priming_s for at in SOUND_CLICKS_S], abs=NEAR)


@pytest.mark.parametrize(
    "name",
    ["plain.mp4", "early.mp4", "late.mov", "plain.mkv", "early.mkv", "late.mkv", "plain.ts", "early.ts", "late.ts"],
)
def test_new_and_old_clicks_keep_their_places_beside_the_picture(
    name: str, sound: Sound, video: Video, each_machine: Machine, tmp_path: Path, binaries: Binaries
) -> None:
    """Sources with B-frames, whose picture starts at 0, at 0.02, at 0.4 and at 1.4 to 1.9 s of the file's clock."""
    render = renderer(each_machine, tmp_path)
    output, plan = render(url_video=video(name), url_audio=sound("mp3"), mode="mix")
    heard = listen(output, binaries)
    old = [at + SHIFTS_S[name.split(".")[0]] for at in OWN_CLICKS_S]
    assert plan.output.video == "copy"
    assert heard.clicks == pytest.approx(sorted([*SOUND_CLICKS_S, *old]), abs=NEAR)
    assert (heard.frames, heard.last_frame_s) == (75, pytest.approx(VIDEO_S - 0.04, abs=NEAR))


@pytest.mark.parametrize("ending", ["ts", "mkv"])
def test_replacing_an_early_sound_loses_no_frame(
    ending: str, sound: Sound, video: Video, each_machine: Machine, tmp_path: Path, binaries: Binaries
) -> None:
    """FFmpeg 9 shifts a transport stream by the streams in use only, 5.1 by all of them."""
    output, _ = renderer(each_machine, tmp_path)(url_video=video(f"early.{ending}"), url_audio=sound("wav"))
    heard = listen(output, binaries)
    assert heard.frames == 75
    assert heard.clicks == pytest.approx(SOUND_CLICKS_S, abs=NEAR)


@pytest.mark.parametrize("name", ["plain.avi", "plain.webm"])
def test_a_picture_that_must_be_encoded_stays_in_sync(
    name: str, sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    """AVI tells no times of B-frames, so that a copy would show them at wrong moments; MP4 does not take VP8."""
    output, plan = render(url_video=video(name), url_audio=sound("wav"))
    heard = listen(output, binaries)
    assert plan.output.video == "libx264"
    assert (heard.frames, heard.last_frame_s) == (75, pytest.approx(VIDEO_S - 0.04, abs=NEAR))
    assert heard.clicks == pytest.approx(SOUND_CLICKS_S, abs=NEAR)


@pytest.mark.parametrize("container", ["mov", "mkv"])
def test_every_container_keeps_the_places(
    container: str, sound: Sound, video: Video, each_machine: Machine, tmp_path: Path, binaries: Binaries
) -> None:
    render = renderer(each_machine, tmp_path)
    output, _ = render(to=container, url_video=video("early.ts"), url_audio=sound("m4a"), mode="mix")
    expected = sorted([*SOUND_CLICKS_S, *(at - 0.4 for at in OWN_CLICKS_S)])
    assert listen(output, binaries).clicks == pytest.approx(expected, abs=NEAR)


def test_the_sound_of_a_video_serves_as_new_sound(video: Video, render: Render, binaries: Binaries) -> None:
    """Its time 0 is then its own first sample, wherever its picture begins."""
    output, _ = render(url_video=video("mute.mp4"), url_audio=video("plain.mp4"))
    assert listen(output, binaries).clicks == pytest.approx(OWN_CLICKS_S, abs=NEAR)


def test_a_delayed_sound_begins_when_it_is_told_to(
    sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    output, _ = render(url_video=video("mute.mp4"), url_audio=sound("mp3"), delay_s=0.7345)
    expected = [at + 0.7345 for at in SOUND_CLICKS_S]
    assert listen(output, binaries).clicks == pytest.approx(expected, abs=NEAR)
