"""NVENC and NVDEC of the software device: what goes through them comes out unchanged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from softgpu.runs import FFmpeg

pytestmark = pytest.mark.ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=314x190:r=25:d=0.4")
ON_DEVICE = ("-hwaccel", "cuda", "-hwaccel_output_format", "cuda")


@pytest.mark.parametrize(
    ("codec", "where", "pixels"),
    [
        ("h264", "system", "yuv420p"),
        ("h264", "device", "nv12"),
        ("hevc", "system", "nv12"),
        ("hevc", "device", "yuv420p"),
    ],
)
def test_an_encoded_picture_decodes_to_itself(ffmpeg: FFmpeg, codec: str, where: str, pixels: str) -> None:
    chain = f"format={pixels}" + (",hwupload_cuda" if where == "device" else "")
    done = ffmpeg.succeed(*PICTURE, "-vf", chain, "-c:v", f"{codec}_nvenc", "out.mp4")
    assert ffmpeg.frames_md5("-i", "out.mp4") == ffmpeg.frames_md5(*PICTURE, "-pix_fmt", "yuv420p")
    assert done.trace.encoded == (codec,) * 10
    assert len(done.trace.encoder_uploads) == (10 if where == "system" else 0)
    assert bool(done.trace.uploads) == (where == "device")


def test_packed_pixels_are_encoded_as_planes(ffmpeg: FFmpeg) -> None:
    """NVENC converts itself, to BT.601 here. FFmpeg 5 tags the stream as RGB all the same."""
    tags = ("-bsf:v", "h264_metadata=video_full_range_flag=0:matrix_coefficients=6")
    ffmpeg.succeed(*PICTURE, "-pix_fmt", "bgr0", "-c:v", "h264_nvenc", *tags, "out.mp4")
    graph = "[0:v]format=bgr0,format=yuv420p,settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[a][b]psnr"
    compared = ffmpeg.succeed(*PICTURE, "-i", "out.mp4", "-filter_complex", graph, "-f", "null", "-")
    assert compared.psnr_db(plane="y") >= 45


def test_ten_bits_survive_hevc(ffmpeg: FFmpeg) -> None:
    ffmpeg.succeed(*PICTURE, "-vf", "format=p010le,hwupload_cuda", "-c:v", "hevc_nvenc", "out.mp4")
    given = ffmpeg.frames_md5(*PICTURE, "-vf", "format=p010le,format=yuv420p10le")
    assert ffmpeg.frames_md5("-i", "out.mp4", "-pix_fmt", "yuv420p10le") == given


def test_a_still_picture_costs_almost_nothing(ffmpeg: FFmpeg) -> None:
    """Macroblocks that did not change are skipped, so that long test clips stay small."""
    still = ("-f", "lavfi", "-i", "color=red:s=320x192:r=25:d=4")
    ffmpeg.succeed(*still, "-pix_fmt", "yuv420p", "-c:v", "h264_nvenc", "out.mp4")
    assert (ffmpeg.folder / "out.mp4").stat().st_size < 1.2 * 320 * 192 * 1.5


def test_the_stream_says_what_it_was_told(ffmpeg: FFmpeg) -> None:
    colours = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
    encode = ("-c:v", "h264_nvenc", "-profile:v", "high", "-g", "5", "-bf", "0")
    chain = "format=yuv420p,setsar=4/3,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    ffmpeg.succeed(*PICTURE, "-vf", chain, *encode, *colours, "out.mp4")
    probe = ["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", "out.mp4"]
    said = json.loads(subprocess.run(probe, cwd=ffmpeg.folder, capture_output=True, check=True).stdout)
    stream = said["streams"][0]
    assert (stream["width"], stream["height"], stream["profile"]) == (314, 190, "High")
    assert (stream["sample_aspect_ratio"], stream["avg_frame_rate"]) == ("4:3", "25/1")
    assert (stream["color_space"], stream["color_transfer"], stream["color_range"]) == ("bt709", "bt709", "tv")
    assert ["K" in packet["flags"] for packet in said["packets"]] == [True, *[False] * 4] * 2


@pytest.mark.parametrize("clip", ["b_frames.mp4", "baseline.mp4", "interlaced.mp4", "vp9.webm", "mjpeg.avi"])
def test_decoding_on_the_device_is_bit_exact(ffmpeg: FFmpeg, clips: Path, clip: str) -> None:
    planes = "yuvj420p" if clip.startswith("mjpeg") else "yuv420p"  # else FFmpeg 5 squeezes the range
    chain = ("-vf", f"hwdownload,format=nv12,format={planes}")
    on_device = ffmpeg.frames_md5(*ON_DEVICE, "-i", str(clips / clip), *chain)
    assert on_device == ffmpeg.frames_md5("-i", str(clips / clip))


def test_odd_sizes_do_not_come_down_whole(ffmpeg: FFmpeg, clips: Path) -> None:
    """FFmpeg 5 leaves the last row of chroma unwritten, 9 gives a larger picture: keep sizes on the device even."""
    clip, one = ("-i", str(clips / "odd.webm")), ("-frames:v", "1", "-f", "rawvideo")
    ffmpeg.succeed(*ON_DEVICE, *clip, "-vf", "hwdownload,format=nv12", *one, "device.nv12")
    ffmpeg.succeed(*clip, "-vf", "format=nv12", *one, "cpu.nv12")
    on_device, on_cpu = ((ffmpeg.folder / f"{where}.nv12").read_bytes() for where in ("device", "cpu"))
    assert len(on_cpu) == 161 * 121 + 162 * 61
    if ffmpeg.is_5:
        assert on_device[:-162] == on_cpu[:-162]
        assert on_device[-162:] != on_cpu[-162:]
    else:
        assert len(on_device) == 162 * 122 + 162 * 61
        assert on_device[:161] == on_cpu[:161]


def test_decoding_after_a_seek_is_bit_exact(ffmpeg: FFmpeg, clips: Path) -> None:
    clip = ("-ss", "0.2", "-i", str(clips / "b_frames.mp4"))
    on_device = ffmpeg.frames_md5(*ON_DEVICE, *clip, "-vf", "hwdownload,format=nv12")
    assert on_device == ffmpeg.frames_md5(*clip, "-vf", "format=nv12")


@pytest.mark.parametrize("clip", ["hevc.mp4", "ten_bits.mp4"])
def test_what_the_device_cannot_decode_is_decoded_in_software(ffmpeg: FFmpeg, clips: Path, clip: str) -> None:
    done = ffmpeg.run("-hwaccel", "cuda", "-i", str(clips / clip), "-f", "null", "-", loglevel="verbose")
    assert done.exit_code == 0
    assert done.trace.decoded == ()
    asked = clip == "hevc.mp4" or not ffmpeg.is_5  # FFmpeg 5 does not offer a card H.264 of ten bits
    assert ("Hardware is lacking required capabilities" in done.said) == asked


def test_a_transcode_never_leaves_the_device(ffmpeg: FFmpeg, clips: Path) -> None:
    clip = ("-i", str(clips / "b_frames.mp4"))
    done = ffmpeg.succeed(*ON_DEVICE, *clip, "-c:v", "h264_nvenc", "-bf", "0", "out.mp4")
    assert ffmpeg.frames_md5("-i", "out.mp4") == ffmpeg.frames_md5(*clip)
    assert (done.trace.uploads, done.trace.downloads, done.trace.encoder_uploads) == ((), (), ())
    assert (done.trace.decoded, done.trace.encoded) == (("h264",) * 10, ("h264",) * 10)


def test_a_whole_chain_is_near_the_cpu(ffmpeg: FFmpeg, clips: Path) -> None:
    """Decode, change the format, lay a translucent picture over it, encode: the shape of what the compiler emits."""
    layer = "format=yuva420p,geq=lum='p(X,Y)':cb='p(X,Y)':cr='p(X,Y)':a='mod(X*3+Y,256)'"
    inputs = ("-i", str(clips / "b_frames.mp4"), "-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=0.4")
    main = "[0:v]scale_cuda=format=yuv420p[m]"
    cuda = f"{main};[1:v]{layer},hwupload_cuda[o];[m][o]overlay_cuda=x=100:y=60:eof_action=pass"
    done = ffmpeg.succeed(*ON_DEVICE, *inputs, "-filter_complex", cuda, "-c:v", "h264_nvenc", "-bf", "0", "out.mp4")
    assert done.trace.downloads == ()
    assert len(done.trace.uploads) == 10 * 4

    timing = "settb=1/25,setpts=N"
    cpu = f"[0:v]format=yuv420p[m];[1:v]{layer}[o];[m][o]overlay=x=100:y=60:format=yuv420,{timing}[on_cpu]"
    graph = f"{cpu};[2:v]{timing}[on_cuda];[on_cuda][on_cpu]psnr"
    compared = ffmpeg.succeed(*inputs, "-i", "out.mp4", "-filter_complex", graph, "-f", "null", "-")
    assert compared.psnr_db(plane="y") >= 60
    assert compared.psnr_db() >= 50


def test_two_sessions_at_once_encode_two_renditions(ffmpeg: FFmpeg, clips: Path) -> None:
    graph = "[0:v]split[a][b];[a]scale_cuda=256:160[x];[b]scale_cuda=160:96[y]"
    first, second = ("-map", "[x]", "-c:v", "h264_nvenc", "a.mp4"), ("-map", "[y]", "-c:v", "hevc_nvenc", "b.mp4")
    clip = ("-i", str(clips / "b_frames.mp4"))
    done = ffmpeg.succeed(*ON_DEVICE, *clip, "-filter_complex", graph, *first, *second)
    assert sorted(done.trace.encoded) == ["h264"] * 10 + ["hevc"] * 10


def test_ffmpeg_9_pads_the_video_after_scale_and_overlay_unless_the_layer_just_ends(
    ffmpeg: FFmpeg, clips: Path
) -> None:
    """Its overlay copies the first picture into a whole frame of scale_cuda's pool; the encoder takes that size."""
    inputs = ("-i", str(clips / "b_frames.mp4"), "-f", "lavfi", "-i", "color=red:s=32x32:r=25:d=0.4")
    heights = []
    for action in ("repeat", "pass"):
        graph = (
            "[0:v]scale_cuda=320:180:format=yuv420p[m];[1:v]format=yuv420p,hwupload_cuda[o];"
            f"[m][o]overlay_cuda=eof_action={action}"
        )
        ffmpeg.succeed(*ON_DEVICE, *inputs, "-filter_complex", graph, "-c:v", "h264_nvenc", "-bf", "0", "out.mp4")
        probe = ["ffprobe", "-v", "error", "-show_entries", "stream=height", "-of", "csv=p=0", "out.mp4"]
        heights.append(int(subprocess.run(probe, cwd=ffmpeg.folder, capture_output=True, check=True).stdout))
    assert heights == ([180, 180] if ffmpeg.is_5 else [192, 180])
