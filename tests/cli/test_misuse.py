"""Whatever is wrong with a request: a sentence that says what and where, status 2, nothing left behind."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli_support import Answer, Call

pytestmark = pytest.mark.ffmpeg

CAPTION = ("caption", "--url-video", "{media}/video.mp4", "--url-srt", "{media}/subs.srt")
STILL = ("img2vid", "--url-image", "{media}/photo.png")
SOUND = ("addaudio", "--url-video", "{media}/video.mp4", "--url-audio", "{media}/sound.wav")


@pytest.fixture
def refused(apigpu: Call, media: Path, tmp_path: Path) -> Callable[..., str]:
    """Render something that cannot be rendered; returns what the user is told."""

    def call(*words: str, output: str = "out.mp4") -> str:
        filled = [word.format(media=media, bad=tmp_path) for word in words]
        answer = apigpu("render", *filled, "-o", output)
        assert_refused(answer)
        assert os.listdir(".") == []
        return answer.err

    return call


def assert_refused(answer: Answer) -> None:
    assert answer.status == 2, answer
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err


def with_video(path: str) -> tuple[str, ...]:
    return ("caption", "--url-video", path, "--url-srt", "{media}/subs.srt")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"Dear diary,\nthis is no video.\n" * 50, "url_video: "),
        (b"", "is empty (0 bytes)."),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1/a.ts\n#EXT-X-ENDLIST\n", "playlist"),
        (b"\x00\x01\x02\x03" * 5000, "url_video: "),
    ],
    ids=["text", "empty", "playlist", "noise"],
)
def test_a_file_that_is_no_video(refused: Callable[..., str], tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    told = refused(*with_video("{bad}/bad.mp4"))
    assert told.startswith("error: url_video: ")
    assert sentence in told


def test_a_truncated_file(refused: Callable[..., str], media: Path, tmp_path: Path) -> None:
    whole = (media / "video.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    assert refused(*with_video("{bad}/cut.mp4")).startswith("error: url_video: ")


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (with_video("{media}/sound.wav"), "url_video"),
        (with_video("{media}/photo.png"), "url_video"),
        (with_video("{media}/subs.srt"), "url_video"),
        (("addaudio", "--url-video", "{media}/video.mp4", "--url-audio", "{media}/silent.mp4"), "url_audio"),
        (("addaudio", "--url-video", "{media}/video.mp4", "--url-audio", "{media}/photo.png"), "url_audio"),
        (("img2vid", "--url-image", "{media}/video.mp4"), "url_image"),
        (("img2vid", "--url-image", "{media}/sound.wav"), "url_image"),
        (("caption", "--url-video", "{media}/video.mp4", "--url-srt", "{media}/video.mp4"), "url_srt"),
    ],
)
def test_a_file_of_the_wrong_kind(refused: Callable[..., str], words: tuple[str, ...], where: str) -> None:
    assert refused(*words).startswith(f"error: {where}: ")


def test_a_picture_of_four_gigapixels(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(png_of_size(65536, 65536))
    told = refused("img2vid", "--url-image", "{bad}/huge.png")
    assert told.startswith("error: url_image: ")
    assert "65536x65536" in told


def png_of_size(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("duration", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_an_impossible_duration(refused: Callable[..., str], duration: str) -> None:
    told = refused(*STILL, "--duration", duration)
    assert told.startswith("error: duration: must be ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*STILL, "--durration", "3"), "there is no flag --durration. Did you mean --duration?"),
        (("captoin", *CAPTION[1:]), "there is no operation 'captoin'. Did you mean 'caption'?"),
        ((*CAPTION, "--target", "h1000"), "there is no target 'h1000'. Did you mean 'h100'?"),
        (("caption", "--url-video", "{media}/video.mp4"), "url_srt: it is required, and missing."),
        (("caption", "--url-video", "{media}/vidio.mp4", "--url-srt", "x"), "Did you mean 'video.mp4'?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    refused: Callable[..., str], words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(*words)


def test_subtitles_without_a_cue(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "none.srt").write_text("Nothing is ever said.\n", encoding="utf-8")
    told = refused("caption", "--url-video", "{media}/video.mp4", "--url-srt", "{bad}/none.srt")
    assert told.startswith("error: url_srt: ")


def test_a_font_that_does_not_exist(refused: Callable[..., str]) -> None:
    told = refused(*CAPTION, "--style.font", "No Such Font 123")
    assert told.startswith("error: style.font: ")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("nowhere/out.mp4", "there is no folder"),
        ("/", "does not end in a container"),
        ("out.exe", "does not end in a container that can be written. End it with .mp4"),
        ("out", "does not end in a container"),
        ("/dev/null/out.mp4", "there is no folder /dev/null."),
        ("n" * 300 + ".mp4", "cannot be written: File name too long."),
    ],
)
def test_an_output_that_cannot_be(refused: Callable[..., str], output: str, sentence: str) -> None:
    told = refused(*CAPTION, output=output)
    assert told.startswith("error: output: ")
    assert sentence in told


def test_an_output_that_is_an_input_is_left_as_it_was(apigpu: Call, media: Path) -> None:
    before = (media / "video.mp4").read_bytes()
    words = [word.format(media=media) for word in SOUND]
    answer = apigpu("render", *words, "-o", media / "video.mp4")
    assert_refused(answer)
    assert "is one of the inputs" in answer.err
    assert (media / "video.mp4").read_bytes() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 32 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", folder], capture_output=True)
    if mount.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_of_the_output(apigpu: Call, media: Path, small_disk: Path) -> None:
    answer = apigpu("render", *(word.format(media=media) for word in CAPTION), "-o", small_disk / "out.mp4")
    assert answer.status == 2
    assert answer.err.splitlines()[-1].startswith(f"error: output: the disk of {small_disk} is full.")
    assert os.listdir(small_disk) == []


def test_a_full_disk_of_the_temporary_files(
    refused: Callable[..., str], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APIGPU_WORK_DIR", str(small_disk))
    told = refused(*CAPTION)
    assert f"temporary files cannot be written in {small_disk}: No space left on device." in told
    assert os.listdir(small_disk) == []


def test_ffmpeg_missing(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIGPU_FFMPEG", "/nowhere/ffmpeg")
    told = refused(*CAPTION)
    assert "ffmpeg" in told
    assert "Install FFmpeg 5.1 or newer" in told


def test_ffmpeg_too_old(refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "ffmpeg"
    old.write_text("#!/bin/sh\necho ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("APIGPU_FFMPEG", str(old))
    assert "is version 4.4.2, and apigpu needs 5.1 or newer." in refused(*CAPTION)


def test_a_pipeline_names_the_step_and_the_field(apigpu: Call, media: Path, tmp_path: Path) -> None:
    steps = tmp_path / "steps.json"
    steps.write_text(
        '{"steps": [{"operation": "img2vid", "url_image": "photo.png"},'
        ' {"operation": "caption", "url_srt": "no.srt"}]}',
        encoding="utf-8",
    )
    (tmp_path / "photo.png").write_bytes((media / "photo.png").read_bytes())
    answer = apigpu("render", "pipeline", steps, "-o", "out.mp4")
    assert_refused(answer)
    assert answer.err.startswith("error: steps.1.url_srt: there is no file 'no.srt'")


@pytest.mark.parametrize("content", ['{"steps": [', "[]", "", "\x00"])
def test_a_pipeline_file_that_is_none(apigpu: Call, tmp_path: Path, content: str) -> None:
    steps = tmp_path / "steps.json"
    steps.write_text(content, encoding="utf-8")
    assert_refused(apigpu("plan", "pipeline", steps))


def test_errors_for_machines_are_json_on_stdout(apigpu: Call) -> None:
    answer = apigpu("render", "caption", "--url-video", "a.mp4", "--url-srt", "a.srt", "-o", "out.mp4", "--json")
    assert answer.status == 2
    error = json.loads(answer.out)["error"]
    assert (error["code"], error["where"]) == ("file_not_found", "url_video")
