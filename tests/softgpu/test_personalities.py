"""What FFmpeg says on each kind of device and of broken machine, in the words of its oldest and newest version."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from softgpu.equipment import Personality
from softgpu.runs import FFmpeg

pytestmark = pytest.mark.ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=320x192:d=0.1")
TINY = ("-f", "lavfi", "-i", "testsrc2=s=128x32:d=0.1")
ON_DEVICE = ("-hwaccel", "cuda", "-hwaccel_output_format", "cuda")
AWAY = ("-f", "null", "-")
TO_H264 = ("-pix_fmt", "yuv420p", "-c:v", "h264_nvenc", *AWAY)
TO_HEVC = ("-pix_fmt", "yuv420p", "-c:v", "hevc_nvenc", *AWAY)
UPLOADED_TO_H264 = ("-vf", "format=nv12,hwupload_cuda", "-c:v", "h264_nvenc", *AWAY)
UPLOADED = ("-vf", "format=nv12,hwupload_cuda", *AWAY)
FULL_HD = ("-f", "lavfi", "-i", "testsrc2=s=1920x1080:d=0.1")
ALPHA_OVER_NV12 = "[0:v]format=nv12,hwupload_cuda[a];[1:v]format=yuva420p,hwupload_cuda[b];[a][b]overlay_cuda"

NO_ENCODER = "[h264_nvenc] OpenEncodeSessionEx failed: unsupported device (2): (no details)"
NOTHING_CAPABLE = "No capable devices found"


@dataclass(frozen=True)
class Refusal:
    """A machine, a command line, and what FFmpeg says before it gives up."""

    on: Personality
    arguments: tuple[str, ...]
    says: tuple[str, ...] = ()
    ffmpeg_5_says: tuple[str, ...] = ()
    ffmpeg_9_says: tuple[str, ...] = ()
    knobs: dict[str, Any] = field(default_factory=dict)


REFUSALS = {
    "h100 has no encoder": Refusal("h100", (*PICTURE, *TO_H264), (NO_ENCODER, f"[h264_nvenc] {NOTHING_CAPABLE}")),
    "a100 has no encoder": Refusal("a100", (*PICTURE, *TO_H264), (NO_ENCODER, f"[h264_nvenc] {NOTHING_CAPABLE}")),
    "h100 has no encoder for its own frames": Refusal("h100", (*PICTURE, *UPLOADED_TO_H264), (NO_ENCODER,)),
    "driver older than FFmpeg's NVENC": Refusal(
        "old-driver",
        (*PICTURE, *TO_H264),
        ffmpeg_5_says=(
            "Driver does not support the required nvenc API version. Required: 11.1 Found: 10.0",
            "The minimum required Nvidia driver for nvenc is 470.57.02 or newer",
        ),
        ffmpeg_9_says=(
            "Driver does not support the required nvenc API version. Required: 13.1 Found: 10.0",
            "The minimum required Nvidia driver for nvenc is 610.00 or newer",
        ),
    ),
    "container without video, encoding": Refusal(
        "no-video-capability",
        (*PICTURE, *TO_H264),
        ("Cannot load libnvidia-encode.so.1",),
        ("The minimum required Nvidia driver for nvenc is 470.57.02 or newer",),
        ("The minimum required Nvidia driver for nvenc is 610.00 or newer",),
    ),
    "no device, uploading": Refusal(
        "no-device",
        (*PICTURE, *UPLOADED),
        ("cu->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected",),
    ),
    "no device, encoding": Refusal(
        "no-device",
        (*PICTURE, *TO_H264),
        ("cuda_dl->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected",),
    ),
    "kernel module of another driver": Refusal(
        "driver-mismatch",
        ("-init_hw_device", "cuda", *PICTURE, *AWAY),
        (
            "cu->cuInit(0) failed -> CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: "
            "system has unsupported display driver / cuda driver combination",
            "Device creation failed: -542398533.",
        ),
    ),
    "memory used up": Refusal(
        "out-of-memory",
        (*FULL_HD, "-vf", "format=nv12,hwupload_cuda,scale_cuda=3840:2160", *AWAY),
        ("cu->cuMemAlloc(&data, size) failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory",),
    ),
    "all sessions taken, recent driver": Refusal(
        "session-limit",
        (*PICTURE, *TO_H264),
        ("OpenEncodeSessionEx failed: incompatible client key (21): (no details)", NOTHING_CAPABLE),
    ),
    "all sessions taken, older driver": Refusal(
        "session-limit",
        (*PICTURE, *TO_H264),
        ("OpenEncodeSessionEx failed: out of memory (10): (no details)", NOTHING_CAPABLE),
        knobs={"session_error": 10},
    ),
    "one session too many": Refusal(
        "session-limit",
        (*PICTURE, "-map", "0:v", *TO_H264, "-map", "0:v", *TO_H264),
        ("OpenEncodeSessionEx failed: incompatible client key (21): (no details)",),
        knobs={"sessions": 1},
    ),
    "pascal refers to no B-frames": Refusal(
        "pascal",
        (*PICTURE, "-bf", "3", "-b_ref_mode", "middle", *TO_H264),
        (NOTHING_CAPABLE,),
        ("B frames as references are not supported",),
        ("Middle B frame reference mode is not supported",),
    ),
    "pascal has no temporal AQ": Refusal(
        "pascal", (*PICTURE, "-temporal-aq", "1", *TO_H264), ("Temporal AQ not supported", NOTHING_CAPABLE)
    ),
    "pascal has no lookahead": Refusal(
        "pascal", (*PICTURE, "-rc-lookahead", "20", *TO_H264), ("RC lookahead not supported", NOTHING_CAPABLE)
    ),
    "pascal has no B-frames in HEVC": Refusal(
        "pascal", (*PICTURE, "-bf", "2", *TO_HEVC), ("Max B-frames 2 exceed 0", NOTHING_CAPABLE)
    ),
    "t4 cannot refer to each B-frame": Refusal(
        "t4",
        (*PICTURE, "-bf", "3", "-b_ref_mode", "each", *TO_H264),
        (NOTHING_CAPABLE,),
        ("Each B frame as reference is not supported",),
        ("Each B frame reference mode is not supported",),
    ),
    "t4 has five B-frames in HEVC only": Refusal(
        "t4", (*PICTURE, "-bf", "5", *TO_H264), ("Max B-frames 5 exceed 4", NOTHING_CAPABLE)
    ),
    "t4 has no ten bits in H.264": Refusal(
        "t4",
        (*PICTURE, "-vf", "format=p010le", "-c:v", "h264_nvenc", *AWAY),
        ("10 bit encode not supported", NOTHING_CAPABLE),
    ),
    "t4 has no AV1": Refusal(
        "t4",
        (*PICTURE, "-pix_fmt", "yuv420p", "-c:v", "av1_nvenc", *AWAY),
        (),
        ("Unknown encoder 'av1_nvenc'",),
        ("Codec not supported", NOTHING_CAPABLE),
    ),
    "picture too small": Refusal(
        "t4",
        (*TINY, *TO_H264),
        ("InitializeEncoder failed: invalid param (8): Frame Dimension less than the minimum supported value.",),
    ),
    "picture too wide": Refusal(
        "t4", ("-f", "lavfi", "-i", "color=s=4352x64:d=0.1", *TO_H264), ("exceeds 4096", NOTHING_CAPABLE)
    ),
    "CPU filter on frames of the device": Refusal(
        "t4",
        (*PICTURE, "-vf", "format=nv12,hwupload_cuda,hflip", *AWAY),
        ("Impossible to convert between the formats supported by the filter 'Parsed_hwupload_cuda_1'",),
    ),
    "CUDA filter on frames of the system": Refusal(
        "t4",
        (*PICTURE, "-vf", "scale_cuda=160:96", *AWAY),
        (),
        ("Impossible to convert between the formats supported by the filter 'graph 0 input from stream 0:0'",),
        ("Impossible to convert between the formats supported by the filter 'graph -1 input from stream 0:0'",),
    ),
    "upload without a device": Refusal(
        "t4",
        (*PICTURE, "-vf", "format=nv12,hwupload", *AWAY),
        ("A hardware device reference is required to upload frames to.",),
    ),
    "scale_cuda has no alpha": Refusal(
        "t4",
        (*PICTURE, "-vf", "format=yuva420p,hwupload_cuda,scale_cuda=160:96", *AWAY),
        ("Unsupported input format: yuva420p",),
    ),
    "overlay_cuda wants alpha over planes": Refusal(
        "t4",
        (*PICTURE, *PICTURE, "-filter_complex", ALPHA_OVER_NV12, *AWAY),
        ("Can't overlay yuva420p on nv12",),
    ),
    "download as another format": Refusal(
        "t4",
        (*PICTURE, "-vf", "format=nv12,hwupload_cuda,hwdownload,format=yuv444p", *AWAY),
        ("Invalid output format yuv444p for hwframe download.",),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_ffmpeg_gives_up_and_says(ffmpeg: FFmpeg, refusal: Refusal) -> None:
    done = ffmpeg.run(*refusal.arguments, on=refusal.on, loglevel="verbose", **refusal.knobs)
    assert done.exit_code != 0
    for text in refusal.says + (refusal.ffmpeg_5_says if ffmpeg.is_5 else refusal.ffmpeg_9_says):
        assert text in done.said


def test_frames_of_a_device_without_encoder_hide_the_line_of_no_device(ffmpeg: FFmpeg) -> None:
    assert NOTHING_CAPABLE not in ffmpeg.run(*PICTURE, *UPLOADED_TO_H264, on="h100").said


@pytest.mark.parametrize("card", ["t4", "l4", "rtx4090", "pascal"])
@pytest.mark.parametrize("encoder", ["h264_nvenc", "hevc_nvenc"])
def test_cards_with_an_encoder_encode(ffmpeg: FFmpeg, card: Personality, encoder: str) -> None:
    ffmpeg.succeed(*PICTURE, "-pix_fmt", "yuv420p", "-c:v", encoder, *AWAY, on=card)


@pytest.mark.parametrize("card", ["t4", "l4", "rtx4090"])
def test_turing_and_newer_take_the_settings_that_pascal_refuses(ffmpeg: FFmpeg, card: Personality) -> None:
    quality = ("-bf", "3", "-b_ref_mode", "middle", "-temporal-aq", "1", "-rc-lookahead", "20")
    ffmpeg.succeed(*PICTURE, *quality, *TO_H264, on=card)


@pytest.mark.parametrize("card", ["a100", "h100"])
def test_cards_without_encoder_decode_and_filter(ffmpeg: FFmpeg, clips: Path, card: Personality) -> None:
    graph = "scale_cuda=160:96:format=yuv420p,hwdownload,format=yuv420p"
    done = ffmpeg.succeed(*ON_DEVICE, "-i", str(clips / "b_frames.mp4"), "-vf", graph, *AWAY, on=card)
    assert done.trace.decoded
    assert done.trace.launches


def test_a_driver_may_be_new_enough_for_ffmpeg_5_only(ffmpeg: FFmpeg) -> None:
    done = ffmpeg.run(*PICTURE, *TO_H264, nvenc_version="12.2")
    assert (done.exit_code == 0) == ffmpeg.is_5
    assert ("Required: 13.1 Found: 12.2" in done.said) != ffmpeg.is_5


def test_a_container_without_video_decodes_in_software_and_says_so_in_passing(ffmpeg: FFmpeg, clips: Path) -> None:
    done = ffmpeg.run("-hwaccel", "cuda", "-i", str(clips / "b_frames.mp4"), *AWAY, on="no-video-capability")
    assert done.exit_code == 0
    for text in (
        "Cannot load libnvcuvid.so.1",
        "Failed loading nvcuvid.",
        "Failed setup for format cuda: hwaccel initialisation returned error.",
    ):
        assert text in done.said


def test_a_missing_decoder_breaks_graphs_that_begin_on_the_device(ffmpeg: FFmpeg, clips: Path) -> None:
    clip = (*ON_DEVICE, "-i", str(clips / "b_frames.mp4"))
    device = ("-init_hw_device", "cuda=cu:0", "-filter_hw_device", "cu")
    breaks = ffmpeg.run(*clip, "-vf", "scale_cuda=160:96", *AWAY, on="nvdec-without-codec", loglevel="verbose")
    assert breaks.exit_code != 0
    assert "Hardware is lacking required capabilities" in breaks.said
    assert "Impossible to convert between the formats supported by the filter 'graph" in breaks.said
    survives = ffmpeg.run(
        *device,
        *clip,
        "-vf",
        "format=nv12|cuda,hwupload,scale_cuda=160:96",
        "-f",
        "null",
        "-",
        on="nvdec-without-codec",
    )
    assert survives.exit_code == 0, survives.said
    assert survives.trace.uploads


def test_the_decoder_may_know_some_codecs_only(ffmpeg: FFmpeg, clips: Path) -> None:
    def decode(clip: str) -> int:
        arguments = ("-hwaccel", "cuda", "-i", str(clips / clip), *AWAY)
        return len(ffmpeg.succeed(*arguments, decodes=("vp9",)).trace.decoded)

    assert (decode("b_frames.mp4"), decode("vp9.webm")) == (0, 10)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (None, "failed -> CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure"),
        (2, "failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
    ],
    ids=["launch failed", "out of memory"],
)
def test_a_device_may_break_down_in_the_middle_of_a_render(
    ffmpeg: FFmpeg, clips: Path, fault: int | None, says: str
) -> None:
    transcode = (*ON_DEVICE, "-i", str(clips / "b_frames.mp4"), "-c:v", "h264_nvenc", "-bf", "0", *AWAY)
    done = ffmpeg.run("-xerror", *transcode, fault_after=7, fault=fault)
    assert says in done.said
    assert done.exit_code != 0
    assert 0 < len(done.trace.encoded) < 10


def test_without_xerror_ffmpeg_5_calls_a_video_with_missing_pictures_a_success(ffmpeg: FFmpeg, clips: Path) -> None:
    """A failed decode is an error of the input to it, and it goes on unless two thirds of all pictures fail."""
    transcode = (*ON_DEVICE, "-i", str(clips / "b_frames.mp4"), "-c:v", "h264_nvenc", "-bf", "0", *AWAY)
    done = ffmpeg.run(*transcode, fault_after=7)
    assert "CUDA_ERROR_LAUNCH_FAILED" in done.said
    assert 0 < len(done.trace.encoded) < 10
    assert (done.exit_code == 0) == ffmpeg.is_5


def test_memory_may_be_just_enough(ffmpeg: FFmpeg) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=s=960x540:d=0.04")
    graph = ("-vf", "format=nv12,hwupload_cuda,scale_cuda=480:270", *AWAY)
    assert ffmpeg.run(*picture, *graph, memory_mb=1).exit_code != 0
    assert ffmpeg.run(*picture, *graph, memory_mb=64).exit_code == 0
