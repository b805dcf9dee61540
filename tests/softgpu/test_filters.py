"""FFmpeg's own CUDA filters, executed on the software device, against its CPU filters."""

from __future__ import annotations

import math

import pytest

from softgpu.runs import FFmpeg, Finished

pytestmark = pytest.mark.ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=320x192:r=10:d=0.3")
ODD_ROWS_OF_BLOCKS = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=0.3")
LAYER = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=0.3")
RAMP = "format=yuva420p,geq=lum='p(X,Y)':cb='p(X,Y)':cr='p(X,Y)':a='mod(X*3+Y,256)'"


def compare(ffmpeg: FFmpeg, cuda: str, cpu: str) -> Finished:
    """Sends one picture through both chains and compares what comes out."""
    graph = f"[0:v]split[a][b];[a]{cuda}[on_cuda];[b]{cpu}[on_cpu];[on_cuda][on_cpu]psnr"
    return ffmpeg.succeed(*PICTURE, "-filter_complex", graph, "-f", "null", "-")


def compare_overlays(
    ffmpeg: FFmpeg, layer: str, at: str, *, main: str = "yuv420p", picture: tuple[str, ...] = PICTURE
) -> Finished:
    graph = (
        f"[0:v]split[a][b];[1:v]{layer},split[c][d];"
        f"[a]format={main},hwupload_cuda[m];[c]hwupload_cuda[o];[m][o]overlay_cuda={at},hwdownload,format={main},"
        f"format=yuv420p[on_cuda];[b]format=yuv420p[m2];[d]format=yuva420p[o2];"
        f"[m2][o2]overlay={at}:format=yuv420,format=yuv420p[on_cpu];[on_cuda][on_cpu]psnr"
    )
    return ffmpeg.succeed(*picture, *LAYER, "-filter_complex", graph, "-f", "null", "-")


@pytest.mark.parametrize("pixels", ["yuv420p", "nv12", "p010le", "yuva420p"])
def test_frames_come_down_as_they_went_up(ffmpeg: FFmpeg, pixels: str) -> None:
    graph = f"format={pixels},hwupload_cuda,hwdownload,format={pixels}"
    arguments = (*PICTURE, "-map", "0:v")
    assert ffmpeg.frames_md5(*arguments, "-vf", graph) == ffmpeg.frames_md5(*arguments, "-vf", f"format={pixels}")


@pytest.mark.parametrize(
    ("given", "wanted"), [("nv12", "yuv420p"), ("yuv420p", "p010le"), ("p010le", "nv12"), ("yuv420p", "nv12")]
)
def test_a_change_of_format_is_exact(ffmpeg: FFmpeg, given: str, wanted: str) -> None:
    cuda = f"format={given},hwupload_cuda,scale_cuda=format={wanted},hwdownload,format={wanted}"
    assert compare(ffmpeg, cuda, f"format=yuv420p,format={wanted}").psnr_db() == math.inf


@pytest.mark.parametrize(
    ("algorithm", "flags", "at_least_db"),
    [("nearest", "neighbor", math.inf), ("bilinear", "bilinear", 34), ("bicubic", "bicubic", 38)],
)
@pytest.mark.parametrize("size", ["160:96", "480:288"])
def test_a_change_of_size_is_near_the_cpu(
    ffmpeg: FFmpeg, size: str, algorithm: str, flags: str, at_least_db: float
) -> None:
    """The algorithms have the same names and slightly other coefficients; nearest has none."""
    cuda = f"format=yuv420p,hwupload_cuda,scale_cuda={size}:interp_algo={algorithm},hwdownload,format=yuv420p"
    assert compare(ffmpeg, cuda, f"format=yuv420p,scale={size}:flags={flags}").psnr_db() >= at_least_db


def test_deinterlacing_is_near_the_cpu(ffmpeg: FFmpeg) -> None:
    cuda = "format=yuv420p,hwupload_cuda,yadif_cuda,hwdownload,format=yuv420p"
    assert compare(ffmpeg, cuda, "format=yuv420p,yadif").psnr_db() >= 45


def test_an_opaque_overlay_is_exact(ffmpeg: FFmpeg) -> None:
    assert compare_overlays(ffmpeg, "format=yuv420p", "x=100:y=50").psnr_db() == math.inf


def test_an_overlay_on_nv12_is_exact(ffmpeg: FFmpeg) -> None:
    assert compare_overlays(ffmpeg, "format=nv12", "x=100:y=50", main="nv12").psnr_db() == math.inf


def test_an_overlay_left_of_and_above_the_picture_is_exact(ffmpeg: FFmpeg) -> None:
    assert compare_overlays(ffmpeg, "format=yuv420p", "x=-20:y=-16").psnr_db() == math.inf


def test_a_translucent_overlay_is_near_the_cpu(ffmpeg: FFmpeg) -> None:
    """overlay_cuda takes one alpha per chroma sample where the CPU averages four: chroma is coarser than luma."""
    done = compare_overlays(ffmpeg, RAMP, "x=100:y=50")
    assert done.psnr_db(plane="y") >= 60
    assert done.psnr_db(plane="u") >= 45
    assert done.psnr_db(plane="v") >= 45


@pytest.mark.parametrize(
    ("cuda", "cpu"),
    [
        ("pad_cuda=400:240:40:20", "pad=400:240:40:20"),
        ("transpose_cuda=dir=clock", "transpose=dir=clock"),
        ("thumbnail_cuda=3", "thumbnail=3"),
    ],
)
def test_what_moves_pixels_only_is_exact(ffmpeg: FFmpeg, cuda: str, cpu: str) -> None:
    if ffmpeg.is_5 and not cuda.startswith("thumbnail"):
        pytest.skip("FFmpeg 5 has no such filter")
    chain = f"format=yuv420p,hwupload_cuda,{cuda},hwdownload,format=yuv420p"
    assert compare(ffmpeg, chain, f"format=yuv420p,{cpu}").psnr_db() == math.inf


def test_a_change_of_range_follows_the_formula(ffmpeg: FFmpeg) -> None:
    if ffmpeg.is_5:
        pytest.skip("FFmpeg 5 has no such filter")
    given, expected = "format=yuv420p,lutyuv=y=126:u=16:v=128", "format=yuv420p,lutyuv=y=128:u=1:v=128"
    cuda = f"{given},setparams=range=tv,hwupload_cuda,colorspace_cuda=range=pc,hwdownload,format=yuv420p"
    assert ffmpeg.frames_md5(*PICTURE, "-vf", cuda) == ffmpeg.frames_md5(*PICTURE, "-vf", expected)


def test_an_overlay_past_the_bottom_edge_writes_into_the_next_plane(ffmpeg: FFmpeg) -> None:
    """A bug of overlay_cuda in 5.1 and 9.0: nothing but a compiler that crops the layer keeps it from the chroma."""
    done = compare_overlays(ffmpeg, "format=yuv420p", "x=100:y=160", picture=ODD_ROWS_OF_BLOCKS)
    assert done.psnr_db(plane="u") < 45


@pytest.mark.parametrize(("algorithm", "wraps"), [("bicubic", False), ("bilinear", False), ("lanczos", True)])
def test_lanczos_overshoot_wraps_around(ffmpeg: FFmpeg, algorithm: str, wraps: bool) -> None:
    """A bug of scale_cuda in 5.1, and in 9.0 on the way down: what is brighter than white turns black."""
    lines = "format=yuv420p,drawgrid=w=8:h=8:t=3:c=white,lutyuv=y=if(gt(val\\,100)\\,255\\,0)"
    cuda = f"{lines},hwupload_cuda,scale_cuda=240:144:interp_algo={algorithm},hwdownload,format=yuv420p"
    done = compare(ffmpeg, cuda, f"{lines},scale=240:144:flags={algorithm}")
    assert (done.psnr_db(plane="y") < 14) == wraps


def test_a_kernel_that_is_not_translated_is_refused_by_name(ffmpeg: FFmpeg) -> None:
    """FFmpeg 5's lanczos for packed pixels is the one that calls a function."""
    if not ffmpeg.is_5:
        pytest.skip("every kernel of FFmpeg 9 is translated")
    chain = ("-vf", "format=bgr0,hwupload_cuda,scale_cuda=160:96:interp_algo=lanczos", "-f", "null", "-")
    done = ffmpeg.run(*PICTURE, *chain)
    assert done.exit_code != 0
    assert "CUDA_ERROR_NOT_SUPPORTED" in done.said
    assert "kernel Subsample_Lanczos_bgr0_bgr0: no translation for" in done.trace.complaints[0]


def test_the_trace_counts_planes_and_launches(ffmpeg: FFmpeg) -> None:
    graph = "format=nv12,hwupload_cuda,scale_cuda=format=yuv420p,hwdownload,format=yuv420p"
    done = ffmpeg.succeed(*PICTURE, "-vf", graph, "-f", "null", "-")
    assert len(done.trace.uploads) == 3 * 2
    assert len(done.trace.downloads) == 3 * 3
    assert done.trace.uploads[:2] == (320 * 192, 320 * 96)
    assert len(done.trace.launches) == 3 * 2
    assert all(name.startswith("Subsample_Bicubic") for name in done.trace.launches)


def test_frames_that_stay_on_the_device_are_not_copied(ffmpeg: FFmpeg) -> None:
    graph = "format=yuv420p,hwupload_cuda,scale_cuda=160:96,scale_cuda=320:192"
    done = ffmpeg.succeed(*PICTURE, "-vf", graph, "-f", "null", "-")
    assert len([size for size in done.trace.uploads if size >= 160 * 96]) == 3 * 3  # others are 9.0's filter tables
    assert done.trace.downloads == ()
