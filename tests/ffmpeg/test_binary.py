from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import find_binaries, packaged
from apigpu.ffmpeg.cache import cache_folder
from apigpu.ffmpeg.capabilities import capabilities_of

Program = Callable[[str, str], str]


def answers(
    version: str, *, filters: str = "subtitles scale overlay aresample", encoders: str = "libx264 aac"
) -> str:
    """The body of a script that answers like an FFmpeg, and logs each question beside itself."""
    filter_lines = "".join(f"echo ' ... {name}  V->V  About it'\n" for name in filters.split())
    encoder_lines = "".join(f"echo ' V....D {name}  About it'\n" for name in encoders.split())
    return f"""echo "$*" >> "$0.log"
case "$*" in
*-version) echo 'ffmpeg version {version} Copyright (c)';;
*-filters) {filter_lines or ":"};;
*-encoders) {encoder_lines or ":"};;
*) :;;
esac"""


def questions(program: str) -> list[str]:
    log = Path(program + ".log")
    return log.read_text().splitlines() if log.exists() else []


def nothing_packaged(program: str) -> None:
    return None


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Nothing on PATH, and a cache of its own."""
    return {"PATH": str(tmp_path / "bin"), "APIGPU_CACHE_DIR": str(tmp_path / "cache")}


def test_ffmpeg_and_ffprobe_on_path_are_taken(program: Program, environ: dict[str, str]) -> None:
    ffmpeg, ffprobe = program("bin/ffmpeg", answers("5.1.9-0+deb12u1")), program("bin/ffprobe", answers("5.1.9"))
    found = find_binaries(environ, packaged=nothing_packaged)
    assert (found.ffmpeg, found.ffprobe) == (ffmpeg, ffprobe)
    assert (found.version, found.version_text, found.source) == ((5, 1, 9), "5.1.9-0+deb12u1", "PATH")


def test_settings_come_first(program: Program, environ: dict[str, str]) -> None:
    program("bin/ffmpeg", answers("5.1.9"))
    program("bin/ffprobe", answers("5.1.9"))
    mine, probe = program("mine/ffmpeg-8", answers("8.0")), program("other/ffprobe-8", answers("8.0"))
    found = find_binaries(environ | {"APIGPU_FFMPEG": mine, "APIGPU_FFPROBE": probe}, packaged=nothing_packaged)
    assert (found.ffmpeg, found.ffprobe, found.source) == (mine, probe, "APIGPU_FFMPEG")


def test_a_setting_may_be_a_name_on_path(program: Program, environ: dict[str, str]) -> None:
    named, _ = program("bin/ffmpeg8", answers("8.0")), program("bin/ffprobe", answers("8.0"))
    found = find_binaries(environ | {"APIGPU_FFMPEG": "ffmpeg8"}, packaged=nothing_packaged)
    assert found.ffmpeg == named


def test_an_ffprobe_beside_the_ffmpeg_is_preferred_to_the_one_on_path(
    program: Program, environ: dict[str, str]
) -> None:
    program("bin/ffprobe", answers("5.1.9"))
    mine, beside = program("mine/ffmpeg", answers("8.0")), program("mine/ffprobe", answers("8.0"))
    assert find_binaries(environ | {"APIGPU_FFMPEG": mine}, packaged=nothing_packaged).ffprobe == beside


@pytest.mark.parametrize(
    "unusable",
    [
        answers("4.2.7"),
        answers("5.0.3"),
        answers("6.0", filters="scale overlay aresample"),
        answers("6.0", encoders="aac"),
        "echo something else",
        "exit 1",
    ],
)
def test_an_unusable_ffmpeg_on_path_is_passed_over_for_the_packaged_one(
    unusable: str, program: Program, environ: dict[str, str]
) -> None:
    program("bin/ffmpeg", unusable)
    program("bin/ffprobe", answers("4.2.7"))
    brought = {
        name: program(f"package/{name}-v9", answers("n9.0.2-17-g2a571b6068")) for name in ("ffmpeg", "ffprobe")
    }
    found = find_binaries(environ, packaged=brought.get)
    assert (found.ffmpeg, found.ffprobe, found.source) == (brought["ffmpeg"], brought["ffprobe"], "package")


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (answers("4.2.7"), "ffmpeg_too_old", "version 4.2.7, and apigpu needs 5.1 or newer"),
        (answers("6.0", filters="scale overlay aresample"), "ffmpeg_incomplete", "without the filter subtitles"),
        (answers("6.0", encoders=""), "ffmpeg_incomplete", "without the encoder libx264, the encoder aac"),
        ("echo something else", "ffmpeg_unusable", "does not answer like FFmpeg"),
    ],
)
def test_an_unusable_ffmpeg_alone_is_refused_with_the_reason_and_what_to_install(
    body: str, code: str, words: str, program: Program, environ: dict[str, str]
) -> None:
    program("bin/ffmpeg", body)
    with pytest.raises(SetupError) as caught:
        find_binaries(environ, packaged=nothing_packaged)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert "apt install ffmpeg" in caught.value.remedy


@pytest.mark.parametrize(
    ("setting", "words"), [("/nowhere/ffmpeg", "No such file"), ("/dev/null", "Permission denied")]
)
def test_a_named_binary_that_cannot_be_used_is_never_passed_over(
    setting: str, words: str, program: Program, environ: dict[str, str]
) -> None:
    program("bin/ffmpeg", answers("8.0"))
    with pytest.raises(SetupError, match=words):
        find_binaries(environ | {"APIGPU_FFMPEG": setting}, packaged=nothing_packaged)


def test_no_ffmpeg_at_all_says_what_to_install(environ: dict[str, str]) -> None:
    with pytest.raises(SetupError, match=r"no FFmpeg was found.*apt install ffmpeg.*apigpu\[ffmpeg\].*APIGPU_FFMPEG"):
        find_binaries(environ, packaged=nothing_packaged)


def test_an_ffmpeg_without_ffprobe_says_so(program: Program, environ: dict[str, str]) -> None:
    program("bin/ffmpeg", answers("8.0"))
    with pytest.raises(SetupError) as caught:
        find_binaries(environ, packaged=nothing_packaged)
    assert caught.value.code == "ffprobe_missing"


def test_a_second_search_asks_no_binary_anything(program: Program, environ: dict[str, str]) -> None:
    ffmpeg, ffprobe = program("bin/ffmpeg", answers("8.0")), program("bin/ffprobe", answers("8.0"))
    first = find_binaries(environ, packaged=nothing_packaged)
    asked = questions(ffmpeg), questions(ffprobe)
    assert find_binaries(environ, packaged=nothing_packaged) == first
    assert capabilities_of(first, environ).encoders == {"libx264", "aac"}
    assert (questions(ffmpeg), questions(ffprobe)) == asked


def test_a_binary_that_changed_is_asked_again(program: Program, environ: dict[str, str]) -> None:
    program("bin/ffmpeg", answers("8.0"))
    program("bin/ffprobe", answers("8.0"))
    find_binaries(environ, packaged=nothing_packaged)
    program("bin/ffmpeg", answers("8.0.1"))
    assert find_binaries(environ, packaged=nothing_packaged).version == (8, 0, 1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"binary": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_corrupt_cache_counts_as_empty(content: bytes, program: Program, environ: dict[str, str]) -> None:
    program("bin/ffmpeg", answers("8.0"))
    program("bin/ffprobe", answers("8.0"))
    first = find_binaries(environ, packaged=nothing_packaged)
    files = list(Path(environ["APIGPU_CACHE_DIR"]).iterdir())
    assert len(files) == 2
    for file in files:
        file.write_bytes(content)
    assert find_binaries(environ, packaged=nothing_packaged) == first
    assert all(json.loads(file.read_bytes()) for file in files)


def test_a_cache_that_cannot_be_written_does_no_harm(
    program: Program, environ: dict[str, str], tmp_path: Path
) -> None:
    program("bin/ffmpeg", answers("8.0"))
    program("bin/ffprobe", answers("8.0"))
    (tmp_path / "file").touch()
    environ["APIGPU_CACHE_DIR"] = str(tmp_path / "file" / "below")
    assert find_binaries(environ, packaged=nothing_packaged).version == (8, 0, 0)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"APIGPU_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/apigpu"),
        ({"HOME": "/c"}, "/c/.cache/apigpu"),
    ],
)
def test_the_cache_lies_where_the_user_keeps_caches(environ: dict[str, str], folder: str) -> None:
    assert cache_folder(environ) == Path(folder)


@pytest.mark.ffmpeg
def test_the_packaged_pair_is_found_and_works(tmp_path: Path) -> None:
    if not (packaged("ffmpeg") and packaged("ffprobe")):
        pytest.skip("the extra ffmpeg is not installed, or does not support this machine")
    found = find_binaries({"PATH": str(tmp_path), "APIGPU_CACHE_DIR": str(tmp_path)})
    assert found.source == "package"
    assert found.version >= (5, 1, 0)
    assert os.path.isabs(found.ffprobe)
