"""Whatever the bytes are, probing ends in facts or in an InputError."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apigpu.errors import InputError
from apigpu.media.fields import MediaKind
from apigpu.media.refusals import check_kind
from apigpu.media.sniff import sniff
from media_support import Maker, Prober

pytestmark = pytest.mark.ffmpeg

CODECS = {
    "mp4": ("-c:v", "libx264", "-c:a", "aac"),
    "mkv": ("-c:v", "mpeg4", "-c:a", "libopus"),
    "flv": ("-c:v", "flv", "-c:a", "libmp3lame"),
    "ts": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "avi": ("-c:v", "mjpeg", "-c:a", "pcm_s16le"),
    "ogg": ("-vn", "-c:a", "libvorbis"),
    "mp3": ("-vn",),
    "wav": ("-vn",),
    "gif": ("-an",),
}


@pytest.fixture(scope="module")
def samples(made: Maker) -> list[bytes]:
    source = ("-f", "lavfi", "-i", "testsrc2=s=32x32:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1:r=44100", "-ac", "2")
    return [made(f"sample.{name}", *source, *codecs).read_bytes() for name, codecs in CODECS.items()]


def outcome(probed: Prober, path: Path, kind: str) -> None:
    try:
        found = probed(path, kind)
    except InputError as error:
        assert error.message.endswith(".")  # noqa: PT017
        assert error.remedy.endswith(".")  # noqa: PT017
    else:
        assert found.videos if kind == "video" else found.audios
        assert all(video.frame_rate > 0 and video.duration_s >= 0 for video in found.videos)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(["video", "audio"]))
def test_a_damaged_file_is_probed_or_refused_and_nothing_else(
    samples: list[bytes], probed: Prober, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    sample = data.draw(st.sampled_from(samples))
    damaged = bytearray(sample[: data.draw(st.integers(1, len(sample)))])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=12)):
        damaged[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "file.mp4"
    path.write_bytes(damaged)
    outcome(probed, path, kind)


@settings(max_examples=15, deadline=None)
@given(content=st.binary(min_size=1, max_size=3000), kind=st.sampled_from(["video", "audio"]))
def test_any_bytes_are_probed_or_refused_and_nothing_else(
    probed: Prober, tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "file.mp4"
    path.write_bytes(content)
    outcome(probed, path, kind)


@given(content=st.binary(max_size=1000), kind=st.sampled_from(list(MediaKind)))
def test_the_first_look_refuses_with_a_sentence_or_lets_pass(content: bytes, kind: MediaKind) -> None:
    try:
        check_kind(sniff(content), kind)
    except InputError as error:
        assert error.code in {"playlist", "not_media", "wrong_media", "no_audio"}  # noqa: PT017
