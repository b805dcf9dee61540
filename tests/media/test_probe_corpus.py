"""Every file of the corpus, probed, against the facts in its manifest."""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from pathlib import Path

import pytest

from apigpu.errors import InputError
from apigpu.media.fields import MediaKind
from apigpu.media.limits import Limits
from apigpu.media.probe import read_text
from media_support import Prober

pytestmark = [pytest.mark.ffmpeg, pytest.mark.corpus]


def manifest(corpus: Path, folder: str) -> dict[str, str]:
    with (corpus / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: row["facts"] for row in rows if row["file"].startswith(f"{folder}/")}


def said_streams(facts: str, letter: str) -> list[str]:
    return [part.strip() for part in facts.split("|") if part.strip().startswith(f"{letter}:")]


def test_every_video_has_the_streams_sizes_and_rotation_of_the_manifest(corpus: Path, probed: Prober) -> None:
    silent = "video/sample_audio_only.mp4"
    for name, facts in manifest(corpus, "video").items():
        if name == silent:
            continue
        found = probed(corpus / name)
        streams = said_streams(facts, "v")
        assert len(found.videos) == len(streams), name
        for video, said in zip(found.videos, streams, strict=True):
            codec, size, pix_fmt = re.match(r"v:(\S+) (\d+x\d+) (\S+)", said).groups()
            assert (video.codec, f"{video.width}x{video.height}", video.pix_fmt) == (codec, size, pix_fmt), name
            turned = re.search(r"rot=(-?\d+)", said)[1]
            assert video.rotation_deg == -int(turned) % 360, name
            sar = re.search(r"sar=(\S+)", said)[1]
            assert video.sar == (Fraction(sar.replace(":", "/")) if sar != "-" else 1), name
            length = re.search(r"sdur=([\d.]+)", said)
            if length and float(length[1]) < 10_000:
                assert video.duration_s == pytest.approx(float(length[1]), abs=0.002), name


def test_every_sound_stream_has_the_codec_and_rate_of_the_manifest(corpus: Path, probed: Prober) -> None:
    for name, facts in (manifest(corpus, "audio") | manifest(corpus, "video")).items():
        streams = said_streams(facts, "a")
        if not streams:
            continue
        found = probed(corpus / name, "audio")
        assert len(found.audios) == len(streams), name
        for audio, said in zip(found.audios, streams, strict=True):
            codec, channels, rate = re.match(r"a:(\S+) (\d+)ch (\d+)Hz", said).groups()
            assert (audio.codec, audio.channels, audio.sample_rate_hz) == (codec, int(channels), int(rate)), name
            assert 0 < audio.duration_s < 400, name


# What ffprobe says of these is not what plays: MP3's padding, Opus' pre-skip, samples that an edit list drops.
LENGTHS_THAT_PLAY = {"bear-id3.mp3": 2.832, "bbb_6ch_8kHz_opus.ogg": 3.0, "bbb_1ch_8kHz_aac_lc.m4a": 3.072}


def test_the_length_of_a_sound_file_is_the_length_that_plays(corpus: Path, probed: Prober) -> None:
    for name, facts in manifest(corpus, "audio").items():
        said = float(re.search(r"dur=([\d.]+)", facts)[1])
        start = probed(corpus / name, "audio").audios[0].start_s
        played = LENGTHS_THAT_PLAY.get(Path(name).name, said - (start if name.endswith(("mp3", "opus")) else 0))
        assert probed(corpus / name, "audio").audios[0].duration_s == pytest.approx(played, abs=0.007), name


@pytest.mark.parametrize(
    ("name", "rate", "is_vfr"),
    [
        ("sample.flv", Fraction(30), False),
        ("sample_with_srt.mkv", Fraction(30), False),
        ("sample_with_ass_subtitles.mkv", Fraction(30), False),
        ("cursed-vfr.mp4", Fraction(3628800, 502589), True),
        ("with-gps.mov", Fraction(72000, 2401), False),
        ("sample.avi", Fraction(24000, 1001), True),
        ("big_buck_bunny_0_30.webm", Fraction(24), False),
        ("bear-vp9-odd-dimensions.webm", Fraction(2997, 100), False),
    ],
)
def test_rates_that_ffprobe_cannot_tell_are_measured(
    corpus: Path, probed: Prober, name: str, rate: Fraction, is_vfr: bool
) -> None:
    video = probed(corpus / "video" / name).videos[0]
    assert (video.frame_rate, video.is_vfr) == (rate, is_vfr)


def test_a_fragmented_mp4_that_claims_39_hours_is_measured_and_says_so(corpus: Path, probed: Prober) -> None:
    found = probed(corpus / "video" / "sample_fragmented.mp4")
    assert found.videos[0].duration_s == pytest.approx(1.001, abs=0.001)
    assert found.duration_s == pytest.approx(1.068, abs=0.001)
    if found.warnings:  # ffprobe 8 is not deceived
        assert "143165.58 s long, but only 1.00 s" in found.warnings[0]


def test_only_damaged_or_lying_files_give_warnings(corpus: Path, probed: Prober) -> None:
    names = [name for name in manifest(corpus, "video") if name != "video/sample_audio_only.mp4"]
    warned = {Path(name).name for name in names if probed(corpus / name).warnings}
    assert warned | {"sample_fragmented.mp4"} == {"sample_fragmented.mp4", "sample_mdat_too_long.mp4"}


def test_hdr_alpha_depth_and_colour_words_are_told(corpus: Path, probed: Prober) -> None:
    hdr = probed(corpus / "video" / "hdr10-av1.mp4").videos[0]
    assert (hdr.bit_depth, hdr.color.transfer, hdr.color.is_hdr) == (10, "smpte2084", True)
    clear = probed(corpus / "video" / "transparent.webm").videos[0]
    assert (clear.has_alpha, clear.pix_fmt) == (True, "yuv420p")
    full = probed(corpus / "video" / "video-h265.mp4").videos[0]
    assert (full.color.range, full.bit_depth) == ("pc", 8)


def test_a_video_that_starts_late_keeps_its_start_times(corpus: Path, probed: Prober) -> None:
    found = probed(corpus / "video" / "sample.flv")
    assert (found.start_s, found.videos[0].start_s, found.audios[0].start_s) == (0.067, 0.067, 0.112)


def test_cover_art_is_no_video(corpus: Path, probed: Prober) -> None:
    song = corpus / "audio" / "bear-id3.mp3"
    assert probed(song, "audio").videos == ()
    with pytest.raises(InputError, match=r"a sound file .* with a cover picture") as caught:
        probed(song)
    assert caught.value.code == "no_video"


def test_a_file_without_picture_or_sound_says_what_it_is(corpus: Path, probed: Prober) -> None:
    with pytest.raises(InputError, match="it is a sound file") as caught:
        probed(corpus / "video" / "sample_audio_only.mp4")
    assert caught.value.code == "no_video"
    with pytest.raises(InputError, match="it is a silent video") as caught:
        probed(corpus / "video" / "bikes.mp4", "audio")
    assert caught.value.code == "no_audio"
    with pytest.raises(InputError, match="it is a subtitle file") as caught:
        probed(corpus / "subs" / "example.srt", "audio")
    assert caught.value.code == "no_audio"


def test_every_photo_has_the_size_and_orientation_of_the_manifest(corpus: Path, probed: Prober) -> None:
    for name, facts in manifest(corpus, "photo").items():
        pillow, size = re.match(r"(\w+) \w+ (\d+x\d+)", facts).groups()
        if name == "photo/black_large.webp":
            continue
        image = probed(corpus / name, "image").image
        assert (image.original_format, f"{image.width}x{image.height}") == (pillow, size), name
        orientation = re.search(r"orientation=(\d)", facts)
        assert image.orientation == (int(orientation[1]) if orientation else 1), name
        assert image.pages == int(re.search(r"frames=(\d+)", facts)[1]), name


def test_a_picture_beyond_the_limit_is_refused_with_both_numbers(corpus: Path, probed: Prober) -> None:
    with pytest.raises(InputError, match="16000x9000 = 144 megapixels; the limit is 120") as caught:
        probed(corpus / "photo" / "black_large.webp", "image")
    assert caught.value.code == "too_large"


def test_every_subtitle_file_is_read_as_it_is(corpus: Path) -> None:
    for path in sorted((corpus / "subs").iterdir()):
        if path.stat().st_size:
            assert read_text(path) == path.read_bytes()


def test_media_in_place_of_subtitles_is_named(corpus: Path) -> None:
    for name, what in {"video/video.mp4": "an MP4 video", "photo/london.jpg": "JPEG", "audio/jfk.wav": "WAV"}.items():
        with pytest.raises(InputError, match=what) as caught:
            read_text(corpus / name)
        assert caught.value.code == "wrong_media"


def test_a_subtitle_file_beyond_the_limit_is_refused(corpus: Path) -> None:
    with pytest.raises(InputError, match="the limit is 10") as caught:
        read_text(corpus / "subs" / "example.srt", Limits(max_subtitle_bytes=10))
    assert caught.value.code == "too_large"


def test_subtitles_are_not_probed(corpus: Path, probed: Prober) -> None:
    with pytest.raises(ValueError, match="read_text"):
        probed(corpus / "subs" / "example.srt", MediaKind.SUBTITLE)
