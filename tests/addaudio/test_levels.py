"""How loud things come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from addaudio_support import Make, Render, Video, decoded, listen, probed, write_tone
from apigpu.ffmpeg.binary import Binaries

pytestmark = pytest.mark.ffmpeg


def _db(ratio: float) -> float:
    return 20 * float(np.log10(max(ratio, 1e-6)))


@pytest.fixture(scope="module")
def humming(studio: Path, make: Make) -> Path:
    """A video whose own sound is a tone of 440 Hz at 0.2."""
    write_tone(studio / "hum.wav", duration_s=2.0, peak=0.2, hertz=440)
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=2")
    codecs = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")
    return make("humming.mp4", *picture, "-i", "hum.wav", *codecs)


def _strength(path: Path, binaries: Binaries, hertz: float, start_s: float, end_s: float) -> float:
    """The amplitude of one frequency within a stretch."""
    samples = decoded(path, binaries, rate_hz=48000)[int(start_s * 48000) : int(end_s * 48000)]
    time = np.arange(len(samples)) / 48000
    return float(2 * np.abs(np.mean(samples * np.exp(-2j * np.pi * hertz * time))))


def test_a_mix_keeps_both_at_their_levels(studio: Path, humming: Path, render: Render, binaries: Binaries) -> None:
    """FFmpeg's amix by default halves both, and turns the first up again when the second has ended."""
    write_tone(studio / "beep.wav", duration_s=1.0, peak=0.3, hertz=1000)
    output, _ = render(url_video=humming, url_audio=studio / "beep.wav", mode="mix")
    assert _strength(output, binaries, 440, 0.2, 0.8) == pytest.approx(0.2, rel=0.03)
    assert _strength(output, binaries, 1000, 0.2, 0.8) == pytest.approx(0.3, rel=0.03)
    assert _strength(output, binaries, 440, 1.2, 1.8) == pytest.approx(0.2, rel=0.03)


def test_gains_are_decibels(studio: Path, humming: Path, render: Render, binaries: Binaries) -> None:
    write_tone(studio / "beep2.wav", duration_s=2.0, peak=0.3, hertz=1000)
    output, _ = render(
        url_video=humming, url_audio=studio / "beep2.wav", mode="mix", volume_db=-6, original_volume_db=-12
    )
    assert _db(_strength(output, binaries, 1000, 0.2, 1.8) / 0.3) == pytest.approx(-6, abs=0.3)
    assert _db(_strength(output, binaries, 440, 0.2, 1.8) / 0.2) == pytest.approx(-12, abs=0.3)


def test_loud_sounds_do_not_clip(studio: Path, humming: Path, render: Render, binaries: Binaries) -> None:
    write_tone(studio / "loud.wav", duration_s=2.0, peak=0.95, hertz=1000)
    for mode in ("mix", "replace"):
        output, _ = render(url_video=humming, url_audio=studio / "loud.wav", mode=mode, volume_db=12)
        assert listen(output, binaries).peak(0.1, 1.9) < 1.0
        assert _strength(output, binaries, 1000, 0.2, 1.8) > 0.7


def test_a_video_without_sound_gets_the_new_one_alone_and_says_so(
    studio: Path, video: Video, render: Render, binaries: Binaries
) -> None:
    write_tone(studio / "alone.wav", duration_s=2.0, peak=0.3, hertz=1000)
    output, plan = render(url_video=video("mute.mp4"), url_audio=studio / "alone.wav", mode="mix")
    assert _strength(output, binaries, 1000, 0.2, 1.8) == pytest.approx(0.3, rel=0.03)
    assert [warning.code for warning in plan.warnings] == ["no_original_sound"]


def test_replacing_leaves_nothing_of_the_old_sound(
    studio: Path, humming: Path, render: Render, binaries: Binaries
) -> None:
    write_tone(studio / "beep3.wav", duration_s=2.0, peak=0.3, hertz=1000)
    output, _ = render(url_video=humming, url_audio=studio / "beep3.wav")
    assert _strength(output, binaries, 440, 0.2, 1.8) < 0.002


def test_fades_rise_and_fall_at_the_ends_of_the_sound(
    studio: Path, video: Video, render: Render, binaries: Binaries
) -> None:
    write_tone(studio / "faded.wav", duration_s=2.0, peak=0.5, hertz=1000)
    output, _ = render(
        url_video=video("mute.mp4"), url_audio=studio / "faded.wav", delay_s=0.5, fade_in_s=0.5, fade_out_s=1.0
    )
    heard = listen(output, binaries)
    assert heard.peak(0.0, 0.45) < 0.01
    assert heard.peak(0.7, 0.75) == pytest.approx(0.25, abs=0.05)
    assert heard.peak(1.1, 1.4) == pytest.approx(0.5, abs=0.03)
    assert heard.peak(1.99, 2.01) == pytest.approx(0.25, abs=0.05)
    assert heard.peak(2.55, 3.0) < 0.01


def test_mono_and_stereo_mix_to_stereo(
    studio: Path, make: Make, humming: Path, render: Render, binaries: Binaries
) -> None:
    write_tone(studio / "left.wav", duration_s=2.0, peak=0.4, hertz=1000)
    left = make("left.flac", "-i", "left.wav", "-af", "pan=stereo|c0=c0|c1=0*c0")
    output, _ = render(url_video=humming, url_audio=left, mode="mix")
    stream = probed(output, binaries, "-select_streams", "a", "-show_entries", "stream=channels")["streams"][0]
    assert stream["channels"] == 2


def test_studio_rates_come_down_to_48_khz(studio: Path, video: Video, render: Render, binaries: Binaries) -> None:
    write_tone(studio / "studio.wav", duration_s=1.0, peak=0.4, rate_hz=96000)
    output, _ = render(url_video=video("mute.mp4"), url_audio=studio / "studio.wav")
    stream = probed(output, binaries, "-select_streams", "a", "-show_entries", "stream=sample_rate")["streams"][0]
    assert stream["sample_rate"] == "48000"
