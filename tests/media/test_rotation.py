"""The display matrix, against what FFmpeg itself makes of it when it turns the picture upright."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.process import capture_sync
from apigpu.media.rotation import Turn, parse_matrix, turn_of_matrix, turn_of_tag
from media_support import Maker, Prober

ONE = 1 << 16
# Where the matrix sends x and y: (a, b, c, d).
MATRICES = {
    "upright": (1, 0, 0, 1),
    "clockwise": (0, 1, -1, 0),
    "half": (-1, 0, 0, -1),
    "counter-clockwise": (0, -1, 1, 0),
    "mirrored left to right": (-1, 0, 0, 1),
    "mirrored top to bottom": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transposed the other way": (0, -1, -1, 0),
}


def matrix(name: str) -> tuple[int, ...]:
    a, b, c, d = (ONE * value for value in MATRICES[name])
    return (a, b, 0, c, d, 0, 0, 0, 1 << 30)


def turned(pixels: bytes, width: int, height: int, turn: Turn) -> bytes:
    """A grey picture after the turn, as rows of bytes."""
    rows = [list(pixels[line * width : (line + 1) * width]) for line in range(height)]
    if turn.mirrored:
        rows = [row[::-1] for row in rows]
    for _ in range(turn.rotation_deg // 90):
        rows = [list(column)[::-1] for column in zip(*rows, strict=True)]
    return bytes(value for row in rows for value in row)


def decoded(binaries: Binaries, path: Path, *options: str) -> bytes:
    argv = [
        binaries.ffmpeg,
        "-v",
        "error",
        *options,
        "-i",
        str(path),
        "-frames:v",
        "1",
        "-pix_fmt",
        "gray",
        "-f",
        "rawvideo",
        "-",
    ]
    done = capture_sync(argv, timeout_s=30)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", MATRICES)
def test_the_turn_makes_the_picture_that_ffmpeg_shows(
    binaries: Binaries, made: Maker, probed: Prober, tmp_path: Path, name: str
) -> None:
    plain = made(
        "plain.mov", "-f", "lavfi", "-i", "testsrc2=s=48x32:d=0.1:r=10", "-pix_fmt", "gray", "-c:v", "rawvideo"
    )
    path = tmp_path / "turned.mov"
    data = bytearray(plain.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", *matrix(name))
    path.write_bytes(data)
    video = probed(path).videos[0]
    stored = decoded(binaries, path, "-noautorotate")
    turn = Turn(video.rotation_deg, video.mirrored)
    assert turned(stored, video.width, video.height, turn) == decoded(binaries, path)


def test_a_turn_between_quarters_is_the_nearest_and_a_flat_one_is_none() -> None:
    assert turn_of_matrix((60000, 10000, 0, -10000, 60000, 0, 0, 0, 1 << 30)) == Turn()
    assert turn_of_matrix((10000, 60000, 0, -60000, 10000, 0, 0, 0, 1 << 30)) == Turn(90)
    assert turn_of_matrix((0,) * 9) == Turn()


@pytest.mark.parametrize(
    ("tag", "degrees"), [("90", 90), ("-90", 270), ("180.0", 180), ("x", 0), ("inf", 0), ("", 0)]
)
def test_the_old_tag_gives_clockwise_degrees(tag: str, degrees: int) -> None:
    assert turn_of_tag(tag) == Turn(degrees)


@pytest.mark.ffmpeg
def test_the_old_tag_counts_where_there_is_no_matrix(made: Maker, clip: Path, probed: Prober) -> None:
    tagged = made("tagged.mkv", "-i", clip, "-t", "1", "-c", "copy", "-metadata:s:v:0", "ROTATE=270")
    assert probed(tagged).videos[0].rotation_deg == 270


def test_a_matrix_is_read_as_ffprobe_prints_it() -> None:
    rows = ("0 65536 0", "-65536 0 0", "5 0 1073741824")
    text = "\n".join(["", *(f"{number:08d}:   {row}" for number, row in enumerate(rows)), ""])
    assert parse_matrix(text) == (0, 65536, 0, -65536, 0, 0, 5, 0, 1 << 30)
    assert parse_matrix("") is None
    assert parse_matrix("0: a b c") is None
