"""How long the result is, and what fills it: silence, repetition, a held frame, an earlier end."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from addaudio_support import (
    OWN_CLICKS_S,
    SOUND_CLICKS_S,
    SOUND_S,
    VIDEO_S,
    Make,
    Render,
    Sound,
    Video,
    lengths,
    listen,
    write_clicks,
    write_tone,
)
from apigpu.errors import InputError
from apigpu.ffmpeg.binary import Binaries

pytestmark = pytest.mark.ffmpeg

NEAR = 0.002
SAMPLE = 1.01 / 44100
REORDERED_FRAMES_S = 3 / 25
"""How far a picture that is cut without encoding may outlast the sound: B-frames leave by decoding time."""


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a", "opus in ogg"])
def test_a_short_sound_is_followed_by_silence_to_the_end_of_the_video(
    kind: str, sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    output, _ = render(url_video=video("plain.mp4"), url_audio=sound(kind))
    assert lengths(output, binaries) == pytest.approx({"video": VIDEO_S, "audio": VIDEO_S}, abs=SAMPLE)
    assert listen(output, binaries).peak(SOUND_S + 0.02, VIDEO_S) < 0.001


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a", "opus in ogg", "vorbis"])
def test_a_looped_sound_repeats_without_a_gap(
    kind: str, sound: Sound, make: Make, render: Render, binaries: Binaries
) -> None:
    """The period is the true length of the sound, without the padding that encoders add at both ends."""
    mute = make(
        "long.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=8", "-c:v", "libx264", "-pix_fmt", "yuv420p"
    )
    output, _ = render(url_video=mute, url_audio=sound(kind), when_short="loop")
    expected = [turn * SOUND_S + at for turn in range(4) for at in SOUND_CLICKS_S if turn * SOUND_S + at < 8]
    assert listen(output, binaries).clicks == pytest.approx(expected, abs=NEAR)
    assert lengths(output, binaries)["audio"] == pytest.approx(8.0, abs=SAMPLE)


def test_a_long_sound_ends_with_the_video(studio: Path, video: Video, render: Render, binaries: Binaries) -> None:
    write_clicks(studio / "long.wav", [0.25, 2.75, 5.0], duration_s=6.0)
    output, plan = render(url_video=video("plain.mp4"), url_audio=studio / "long.wav")
    assert plan.output.video == "copy"
    assert lengths(output, binaries) == pytest.approx({"video": VIDEO_S, "audio": VIDEO_S}, abs=SAMPLE)
    assert listen(output, binaries).clicks == pytest.approx([0.25, 2.75], abs=NEAR)


@pytest.mark.parametrize("length", ["audio", "shortest"])
def test_a_picture_that_outlasts_the_sound_is_cut_without_encoding(
    length: str, sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    output, plan = render(url_video=video("plain.ts"), url_audio=sound("m4a"), length=length)
    found = lengths(output, binaries)
    assert plan.output.video == "copy"
    assert found["audio"] == pytest.approx(SOUND_S, abs=SAMPLE)
    assert SOUND_S - 0.001 <= found["video"] <= SOUND_S + REORDERED_FRAMES_S + 0.04


def test_a_picture_that_ends_before_the_sound_holds_its_last_frame(
    studio: Path, video: Video, render: Render, binaries: Binaries
) -> None:
    write_clicks(studio / "longer.wav", [3.9], duration_s=4.2)
    output, plan = render(url_video=video("plain.mp4"), url_audio=studio / "longer.wav", length="audio")
    heard = listen(output, binaries)
    assert plan.output.video == "libx264"
    assert heard.frames == 105
    assert heard.clicks == pytest.approx([3.9], abs=NEAR)
    assert lengths(output, binaries) == pytest.approx({"video": 4.2, "audio": 4.2}, abs=NEAR)


def test_the_shorter_of_both_may_be_the_picture(
    studio: Path, video: Video, render: Render, binaries: Binaries
) -> None:
    write_clicks(studio / "other.wav", [1.0], duration_s=5.0)
    output, plan = render(url_video=video("plain.mp4"), url_audio=studio / "other.wav", length="shortest")
    assert plan.output.video == "copy"
    assert lengths(output, binaries) == pytest.approx({"video": VIDEO_S, "audio": VIDEO_S}, abs=SAMPLE)


def test_a_sound_of_a_few_samples_is_enough(studio: Path, video: Video, render: Render, binaries: Binaries) -> None:
    write_tone(studio / "tick.wav", duration_s=0.001, peak=0.5)
    for when_short in ("pad", "loop"):
        output, _ = render(url_video=video("plain.mp4"), url_audio=studio / "tick.wav", when_short=when_short)
        assert lengths(output, binaries)["audio"] == pytest.approx(VIDEO_S, abs=SAMPLE)


def test_silence_stays_silent(studio: Path, video: Video, render: Render, binaries: Binaries) -> None:
    write_tone(studio / "silence.wav", duration_s=1.0, peak=0.0)
    output, _ = render(url_video=video("plain.mp4"), url_audio=studio / "silence.wav")
    assert listen(output, binaries).peak(0, VIDEO_S) < 0.001


def test_a_file_without_a_sample_is_refused(studio: Path, video: Video, render: Render) -> None:
    with wave.open(str(studio / "empty.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
    with pytest.raises(InputError) as caught:
        render(url_video=video("plain.mp4"), url_audio=studio / "empty.wav")
    assert caught.value.where == "url_audio"


def test_a_sound_that_would_begin_after_the_end_is_refused(sound: Sound, video: Video, render: Render) -> None:
    with pytest.raises(InputError, match="would begin after 3 s") as caught:
        render(url_video=video("plain.mp4"), url_audio=sound("wav"), delay_s=3.0)
    assert caught.value.where == "delay_s"


def test_the_old_sound_is_cut_and_padded_like_the_new_one(
    sound: Sound, video: Video, render: Render, binaries: Binaries
) -> None:
    output, _ = render(url_video=video("plain.mkv"), url_audio=sound("wav"), mode="mix", length="audio", delay_s=2.0)
    heard = listen(output, binaries)
    expected = sorted([*OWN_CLICKS_S, *(at + 2.0 for at in SOUND_CLICKS_S)])
    assert heard.clicks == pytest.approx(expected, abs=NEAR)
    assert lengths(output, binaries)["audio"] == pytest.approx(SOUND_S + 2.0, abs=NEAR)
