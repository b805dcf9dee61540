from __future__ import annotations

import os
from pathlib import Path

import pytest

from apigpu.ffmpeg.capabilities import Capabilities, capabilities_at, parse_filter_options

pytestmark = pytest.mark.ffmpeg


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "APIGPU_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture
def capabilities(ffmpeg: str, environ: dict[str, str]) -> Capabilities:
    return capabilities_at(ffmpeg, environ)


def test_what_every_ffmpeg_has_is_listed(capabilities: Capabilities) -> None:
    assert {"scale", "overlay", "subtitles", "amix", "color", "aresample"} <= capabilities.filters
    assert {"libx264", "aac", "png"} <= capabilities.encoders
    assert {"h264", "aac", "png", "vp9"} <= capabilities.decoders
    assert "cuda" in capabilities.hwaccels
    assert capabilities.version >= (5, 1, 0)


def test_no_legend_is_taken_for_a_name(capabilities: Capabilities) -> None:
    listed = capabilities.filters | capabilities.encoders | capabilities.decoders | capabilities.hwaccels
    assert not [name for name in listed if not name.replace("_", "").replace("-", "").replace(".", "").isalnum()]


def test_a_filter_tells_its_own_options(capabilities: Capabilities) -> None:
    assert {"w", "h", "x", "y", "exact"} <= (capabilities.filter_options("crop") or set())


def test_options_of_framesync_and_of_the_time_line_belong_to_the_filter(capabilities: Capabilities) -> None:
    overlay = capabilities.filter_options("overlay") or set()
    assert {"eof_action", "shortest", "repeatlast", "enable"} <= overlay
    assert "enable" not in (capabilities.filter_options("subtitles") or set())


def test_options_that_scale_and_aresample_pass_on_are_theirs(capabilities: Capabilities) -> None:
    assert {"sws_flags", "sws_dither", "src_range"} & (capabilities.filter_options("scale") or set())
    assert {"async", "resampler"} <= (capabilities.filter_options("aresample") or set())


def test_options_of_array_type_and_with_dashes_are_read(capabilities: Capabilities) -> None:
    assert {"sample_rates", "channel_layouts"} <= (capabilities.filter_options("aformat") or set())
    assert "soft-knee" in (capabilities.filter_options("compand") or set())


def test_a_filter_without_options_has_none(capabilities: Capabilities) -> None:
    assert capabilities.filter_options("null") == frozenset()


def test_an_unknown_filter_has_no_options_at_all(capabilities: Capabilities) -> None:
    assert capabilities.filter_options("no_such_filter") is None
    assert capabilities.options_of("no_such_filter") is None


def test_options_once_read_are_remembered_on_disk(ffmpeg: str, environ: dict[str, str]) -> None:
    asked = capabilities_at(ffmpeg, environ).filter_options("overlay")
    remembered = [file.read_text() for file in Path(environ["APIGPU_CACHE_DIR"]).iterdir()]
    assert any('"overlay":[' in text and f'"path":"{ffmpeg}"' in text for text in remembered)
    assert capabilities_at(ffmpeg, environ).filter_options("overlay") == asked


def test_a_filter_of_a_later_release_is_absent_before() -> None:
    old = "Unknown filter 'pad_cuda'.\n"
    assert parse_filter_options(old) is None


def test_capabilities_can_be_written_down_without_a_binary() -> None:
    written = Capabilities.stated(filters={"scale": ("w", "h")}, encoders=("libx264",), version=(5, 1, 0))
    assert written.filter_options("scale") == {"w", "h"}
    assert written.filter_options("overlay") is None
    assert written.version_text == "5.1.0"
