from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu.ffmpeg.version import format_version, parse_version, version_text


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers", (5, 1, 9)),
        ("ffmpeg version n9.0.2-17-g2a571b6068-20260930 Copyright (c) 2000-2026", (9, 0, 2)),
        ("ffmpeg version 4.2.7-0ubuntu0.1 Copyright (c) 2000-2022", (4, 2, 7)),
        ("ffmpeg version 7.0.2-static https://johnvansickle.com/ffmpeg/  Copyright (c) 2000-2024", (7, 0, 2)),
        ("ffmpeg version 7.0.2-Jellyfin Copyright (c) 2000-2024", (7, 0, 2)),
        ("ffmpeg version 8.0 Copyright (c) 2000-2025", (8, 0, 0)),
        ("ffmpeg version n4.4 Copyright (c) 2000-2021", (4, 4, 0)),
        ("ffprobe version 6.1.1-3ubuntu5 Copyright (c) 2007-2023", (6, 1, 1)),
        ("N-109 is no FFmpeg", None),
        ("", None),
        ("ffmpeg version", None),
        ("ffmpeg version N-12345-gabcdef", None),
    ],
)
def test_release_is_read_from_the_first_line(line: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(line) == version


@pytest.mark.parametrize(
    ("libavcodec", "version"),
    [
        ("63.  1.102", (9, 0, 0)),
        ("62. 11.100", (8, 0, 0)),
        ("59. 37.100", (5, 1, 0)),
        ("59. 18.100", (5, 0, 0)),
        ("58.134.100", (4, 0, 0)),
        ("1.  0.  0", (0, 0, 0)),
    ],
)
@pytest.mark.parametrize(
    "name", ["N-109468-gd39b34123d", "2024-01-01-git-e1c1dc8347-full_build", "git-2020-01-01-abc"]
)
def test_development_builds_are_dated_by_libavcodec(
    name: str, libavcodec: str, version: tuple[int, int, int]
) -> None:
    output = f"ffmpeg version {name} Copyright\nbuilt with gcc\n  libavcodec     {libavcodec} / {libavcodec}\n"
    assert parse_version(output) == version
    assert version_text(output) == name


numbers = st.integers(0, 99)


@given(
    numbers, numbers, numbers, st.sampled_from(["", "n"]), st.sampled_from(["", "-17-gabc", "-static", "+deb12u1"])
)
def test_every_release_is_read_back(major: int, minor: int, patch: int, before: str, after: str) -> None:
    output = f"ffmpeg version {before}{major}.{minor}.{patch}{after} Copyright (c) 2000"
    assert parse_version(output) == (major, minor, patch)


@given(st.text())
def test_no_output_breaks_the_parser(output: str) -> None:
    parse_version(output)
    parse_version(f"ffmpeg version {output}")


def test_a_version_is_shown_without_empty_patch_level() -> None:
    assert (format_version((5, 1, 0)), format_version((5, 1, 9))) == ("5.1", "5.1.9")
