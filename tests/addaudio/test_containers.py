"""The table of containers is right about FFmpeg: it writes each pair, and reads the codec back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from addaudio_support import Make, probed
from apigpu.compiler.containers import CONTAINERS
from apigpu_runtime.execute import Machine

pytestmark = pytest.mark.ffmpeg

# AV1 and DNxHD take seconds or special sizes to encode, DTS and TrueHD an experimental encoder.
_VIDEO = {
    "h264": ("libx264", "-pix_fmt", "yuv420p"),
    "hevc": ("libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error"),
    "vp8": ("libvpx", "-deadline", "realtime"),
    "vp9": ("libvpx-vp9", "-deadline", "realtime"),
    "mpeg4": ("mpeg4",),
    "mpeg2video": ("mpeg2video",),
    "mpeg1video": ("mpeg1video",),
    "prores": ("prores_ks", "-pix_fmt", "yuv422p10le"),
    "mjpeg": ("mjpeg", "-pix_fmt", "yuvj420p"),
    "png": ("png", "-pix_fmt", "rgb24"),
    "theora": ("libtheora",),
    "ffv1": ("ffv1",),
}
_AUDIO = {
    "aac": "aac",
    "mp3": "libmp3lame",
    "ac3": "ac3",
    "eac3": "eac3",
    "alac": "alac",
    "opus": "libopus",
    "vorbis": "libvorbis",
    "flac": "flac",
    "mp2": "mp2",
    "pcm_s16le": "pcm_s16le",
    "pcm_s24le": "pcm_s24le",
    "pcm_f32le": "pcm_f32le",
}


def _encoded(name: str, encoder: str, make: Make, machine: Machine, *argv: str) -> Path:
    if encoder not in machine.capabilities.encoders:
        pytest.skip(f"this FFmpeg has no {encoder}")
    return make(name, *argv)


def _written(source: Path, codec: str, kind: str, machine: Machine) -> None:
    taking = [
        (name, container)
        for name, container in CONTAINERS.items()
        if codec in (container.copies_video if kind == "video" else container.copies_audio)
    ]
    assert taking, f"no container takes {codec}"
    outputs = {name: source.with_name(f"{machine.binaries.version[0]}-{codec}.{name}") for name, _ in taking}
    argv = [machine.binaries.ffmpeg, "-v", "error", "-y", "-i", str(source)]
    for name, container in taking:
        tag = ["-tag:v", container.video_tags[codec]] if codec in container.video_tags else []
        argv += ["-map", "0", "-c", "copy", *tag, "-f", container.muxer, str(outputs[name])]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for output in outputs.values():
        found = probed(output, machine.binaries, "-show_entries", "stream=codec_name")
        assert [stream["codec_name"] for stream in found["streams"]] == [codec]


@pytest.mark.parametrize("codec", _VIDEO)
def test_a_picture_is_copied_into_every_container_that_says_it_takes_it(
    codec: str, make: Make, machine: Machine, each_machine: Machine
) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.4")
    source = _encoded(f"{codec}.mkv", _VIDEO[codec][0], make, machine, *picture, "-c:v", *_VIDEO[codec])
    _written(source, codec, "video", each_machine)


@pytest.mark.parametrize("codec", _AUDIO)
def test_a_sound_is_copied_into_every_container_that_says_it_takes_it(
    codec: str, make: Make, machine: Machine, each_machine: Machine
) -> None:
    tone = ("-f", "lavfi", "-i", "sine=d=0.4:r=48000")
    source = _encoded(f"{codec}.mka", _AUDIO[codec], make, machine, *tone, "-c:a", _AUDIO[codec])
    _written(source, codec, "audio", each_machine)
