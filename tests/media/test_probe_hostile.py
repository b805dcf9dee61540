"""Files that are cut, mislabelled, or made to deceive."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from apigpu.errors import InputError
from apigpu.media.limits import Limits
from apigpu.media.probe import read_text
from media_support import Halver, Maker, Prober

pytestmark = pytest.mark.ffmpeg


def refusal(probed: Prober, path: Path, kind: str = "video", limits: Limits | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        probed(path, kind, limits)
    error = caught.value
    assert error.where == ""
    assert error.remedy.endswith(".")
    assert error.message.endswith(".")
    return error


def test_an_mp4_that_lost_its_index_is_refused_as_cut_off(clip: Path, halved: Halver, probed: Prober) -> None:
    error = refusal(probed, halved(clip))
    assert error.code == "truncated"
    assert "moov" in error.message


def test_an_mp4_cut_behind_its_index_is_used_as_far_as_it_goes(
    made: Maker, clip: Path, halved: Halver, probed: Prober
) -> None:
    whole = made("fast.mp4", "-i", clip, "-c", "copy", "-movflags", "+faststart")
    found = probed(halved(whole))
    assert 5 < found.videos[0].duration_s < 12
    assert found.videos[0].frames == round(found.videos[0].duration_s * 30)
    assert 5 < found.audios[0].duration_s < 12
    assert "20.00 s long, but only" in found.warnings[0]


@pytest.mark.parametrize("name", ["cut.mkv", "cut.flv", "cut.ts"])
def test_a_stream_cut_in_the_middle_has_the_length_of_what_is_there(
    made: Maker, clip: Path, halved: Halver, probed: Prober, name: str
) -> None:
    found = probed(halved(made(name, "-i", clip, "-c", "copy")))
    assert 8 < found.videos[0].duration_s < 12
    assert found.videos[0].frame_rate == 30
    assert bool(found.warnings) == (not name.endswith("ts"))  # a transport stream says nothing of its length


@pytest.mark.parametrize("name", ["whole.mkv", "whole.flv", "whole.ts", "fragments.mp4"])
def test_a_whole_file_without_an_index_has_its_full_length(
    made: Maker, clip: Path, probed: Prober, name: str
) -> None:
    found = probed(made(name, "-i", clip, "-c", "copy", *(("-movflags", "frag_keyframe") if "frag" in name else ())))
    assert found.videos[0].duration_s == pytest.approx(20, abs=0.03)
    assert found.audios[0].duration_s == pytest.approx(20, abs=0.05)
    assert found.videos[0].frame_rate == 30
    assert found.warnings == ()


@pytest.mark.parametrize("name", ["cut.flac", "cut.mp3", "cut.wav"])
def test_a_sound_cut_in_the_middle_has_the_length_of_what_is_there(
    made: Maker, clip: Path, halved: Halver, probed: Prober, name: str
) -> None:
    found = probed(halved(made(name, "-i", clip, "-vn")), "audio")
    assert found.audios[0].duration_s == pytest.approx(10, abs=0.2)
    assert found.duration_s == pytest.approx(10, abs=0.2)
    assert "incomplete" in found.warnings[0]


def test_a_webm_from_a_pipe_has_no_length_and_gets_a_measured_one(made: Maker, clip: Path, probed: Prober) -> None:
    live = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus", "-live", "1")
    found = probed(made("live.webm", "-i", clip, "-t", "4", *live))
    assert found.videos[0].duration_s == pytest.approx(4, abs=0.002)
    assert found.audios[0].duration_s == pytest.approx(4, abs=0.03)
    assert found.warnings == ("the file does not say how long it is; 4.02 s were measured.",)


def test_an_mp3_of_varying_bitrate_without_a_header_is_measured(made: Maker, clip: Path, probed: Prober) -> None:
    argv = ("-vn", "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0")
    found = probed(made("bare.mp3", "-i", clip, *argv), "audio")
    assert found.audios[0].duration_s == pytest.approx(20.04, abs=0.03)


def test_an_edit_list_hides_what_comes_before_it(made: Maker, clip: Path, probed: Prober) -> None:
    found = probed(made("edit.mp4", "-ss", "1.3", "-i", clip, "-c", "copy"))
    assert found.videos[0].duration_s == pytest.approx(18.7, abs=0.001)
    assert found.videos[0].frames is None
    assert found.videos[0].is_vfr is False


def test_a_video_that_loses_frames_late_is_of_varying_rate(made: Maker, probed: Prober) -> None:
    source = "testsrc2=s=64x48:r=30:d=20,select='lt(n,450)+not(mod(n,3))'"
    found = probed(made("late.mp4", "-f", "lavfi", "-i", source, "-fps_mode", "vfr", "-c:v", "libx264"))
    assert found.videos[0].is_vfr is True
    assert found.videos[0].frames == 500
    assert float(found.videos[0].frame_rate) == pytest.approx(25.25, abs=0.1)


def test_interlaced_video_tells_which_field_is_first(made: Maker, probed: Prober) -> None:
    argv = ("-vf", "setfield=tff", "-c:v", "libx264", "-flags", "+ildct+ilme")
    made_file = made("tff.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", *argv)
    video = probed(made_file).videos[0]
    assert video.is_interlaced
    assert video.field_order in {"tt", "tb"}


@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv420p10le", 10), ("yuv422p", 8), ("gray16le", 16)])
def test_bit_depth_comes_from_the_pixel_format(made: Maker, probed: Prober, pix_fmt: str, depth: int) -> None:
    name = f"{pix_fmt}.mkv"
    made_file = made(name, "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-pix_fmt", pix_fmt, "-c:v", "ffv1")
    video = probed(made_file).videos[0]
    assert (video.pix_fmt, video.bit_depth) == (pix_fmt, depth)


def test_several_sound_streams_come_with_their_languages(made: Maker, clip: Path, probed: Prober) -> None:
    maps = ("-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "0:a")
    tags = ("-metadata:s:a:0", "language=por", "-metadata:s:a:1", "language=eng")
    found = probed(made("three.mkv", "-i", clip, *maps, "-c", "copy", *tags))
    assert [audio.language for audio in found.audios] == ["por", "eng", ""]


def test_a_square_pixel_shape_is_assumed_where_the_file_gives_none(made: Maker, probed: Prober) -> None:
    found = probed(made("sar.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-vf", "setsar=0"))
    assert found.videos[0].sar == Fraction(1)


PLAYLISTS = {
    "an M3U8 playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:1/x.ts\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/hostname'\n",
    "a DASH manifest": b'<?xml version="1.0"?>\n<!-- x -->\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
    "a PLS playlist": b"[playlist]\nFile1=http://127.0.0.1:1/x.mp3\n",
    "an XSPF playlist": b'<?xml version="1.0"?><playlist version="1"></playlist>',
}


@pytest.mark.parametrize("what", PLAYLISTS)
@pytest.mark.parametrize("kind", ["video", "audio", "image"])
def test_a_playlist_under_the_name_of_a_video_is_refused(
    probed: Prober, tmp_path: Path, what: str, kind: str
) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(PLAYLISTS[what])
    error = refusal(probed, path, kind)
    assert error.code == "playlist"
    assert what in error.message


def test_a_playlist_that_hides_from_the_first_look_is_stopped_by_the_whitelist(
    probed: Prober, tmp_path: Path
) -> None:
    path = tmp_path / "video.m3u8"
    path.write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n" + b"\0" * 40 + b"\nx.ts\n")
    assert refusal(probed, path).code in {"unsupported_media", "not_media"}


OTHERS = {
    "an HTML page: the address probably leads to a web page": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>",
    "an HTML page": b"<HTML><head></head></HTML>",
    "a JSON text": b'{"error": "not found"}',
    "a text file": b"hello\n",
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a ZIP archive": b"PK\x03\x04" + bytes(40),
    "a MIDI file": b"MThd\0\0\0\6\0\1\0\1\0\x60",
    "of no format that is known": bytes(1000),
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("kind", ["video", "audio", "image"])
def test_what_is_no_media_is_named(probed: Prober, tmp_path: Path, what: str, kind: str) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(OTHERS[what])
    error = refusal(probed, path, kind)
    assert error.code == "not_media"
    assert what in error.message


def test_a_still_or_a_subtitle_where_a_video_is_needed_is_the_wrong_media(
    made: Maker, probed: Prober, tmp_path: Path
) -> None:
    still = made("still.jpg", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=1", "-frames:v", "1")
    assert "a still image (JPEG), not a video" in refusal(probed, still).message
    single = made("single.gif", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=1", "-frames:v", "1")
    assert refusal(probed, single).code == "wrong_media"
    words = tmp_path / "words.mp4"
    words.write_text("1\n00:00:01,000 --> 00:00:02,000\nHi\n", encoding="utf-8")
    assert refusal(probed, words).code == "wrong_media"
    assert refusal(probed, still, "audio").code == "no_audio"


def test_a_video_where_an_image_is_needed_is_the_wrong_media(clip: Path, probed: Prober) -> None:
    assert refusal(probed, clip, "image").code == "wrong_media"


@pytest.mark.parametrize("name", ["moving.gif", "moving.apng"])
def test_an_animated_picture_is_a_video(made: Maker, probed: Prober, name: str) -> None:
    found = probed(made(name, "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1"))
    assert (found.videos[0].frames, found.videos[0].frame_rate) == (10, 10)
    assert found.videos[0].duration_s == pytest.approx(1)


@pytest.mark.parametrize("kind", ["video", "audio", "image"])
def test_missing_empty_and_odd_files_are_told_apart(probed: Prober, tmp_path: Path, kind: str) -> None:
    (tmp_path / "empty.mp4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    assert refusal(probed, tmp_path / "missing.mp4", kind).code == "file_missing"
    assert refusal(probed, tmp_path / "nul\0.mp4", kind).code == "file_missing"
    assert refusal(probed, tmp_path / "empty.mp4", kind).code == "empty_file"
    assert refusal(probed, tmp_path, kind).code == "not_a_file"
    assert refusal(probed, tmp_path / "pipe.mp4", kind).code == "not_a_file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(probed: Prober, tmp_path: Path) -> None:
    path = tmp_path / "secret.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    assert refusal(probed, path).code == "unreadable"


def test_an_empty_subtitle_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.srt"
    path.touch()
    with pytest.raises(InputError, match="empty") as caught:
        read_text(path)
    assert caught.value.code == "empty_file"


def test_a_page_in_place_of_subtitles_is_named(tmp_path: Path) -> None:
    path = tmp_path / "page.srt"
    path.write_text("<!doctype html><title>Log in</title>", encoding="utf-8")
    with pytest.raises(InputError, match="an HTML page"):
        read_text(path)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(max_duration_s=5), "too_long"),
        (Limits(max_video_side=50), "too_large"),
        (Limits(max_video_pixels=1000), "too_large"),
        (Limits(max_streams=1), "too_many_streams"),
    ],
)
def test_a_video_beyond_a_limit_is_refused_with_the_limit(
    clip: Path, probed: Prober, limits: Limits, code: str
) -> None:
    error = refusal(probed, clip, limits=limits)
    assert error.code == code
    assert "the limit" in error.message


def test_names_with_every_odd_character_can_be_probed(clip: Path, probed: Prober, tmp_path: Path) -> None:
    odd = tmp_path / "-i %03d 'a\"b:c;d|é\n.mp4"
    odd.write_bytes(clip.read_bytes())
    assert probed(odd).videos[0].width == 64
