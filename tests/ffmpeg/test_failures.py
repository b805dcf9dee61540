"""The table of failures against what FFmpeg 5.1 and 9 really write, and against the GPU's words as noted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu.ffmpeg.failures import ROWS, Failure, classify, row_in, spoils_success
from apigpu.ffmpeg.process import capture_sync

NULL = "-f null -"
DOTS = "-f lavfi -i color=s=64x64:d=0.1"

# arguments in the folder of media, and the code; `None` where that release does not fail.
REAL: dict[str, str | tuple[str | None, str | None]] = {
    f"-i nowhere.mp4 {NULL}": "file_missing",
    f"-i cut.mp4 {NULL}": "media_damaged",
    f"-i empty.mp4 {NULL}": "not_media",
    f"-i text.mp4 {NULL}": "not_media",
    f"-i bad.png {NULL}": "media_damaged",
    f"-xerror -i noisy.mp4 {NULL}": "media_damaged",
    f"-protocol_whitelist file -format_whitelist mov,matroska -i playlist.mp4 {NULL}": "playlist_refused",
    f"-protocol_whitelist file -i playlist.mp4 {NULL}": "playlist_refused",
    f"-protocol_whitelist file -i http://127.0.0.1:1/x?key=secret {NULL}": "playlist_refused",
    f"-i http://127.0.0.1:1/x?key=secret {NULL}": "network",
    f"-max_alloc 1000 -i good.mp4 {NULL}": "out_of_memory",
    "-i silent.mp4 -map 0:a out.mp4": "no_stream",
    "-i silent.mp4 -filter_complex [0:a]anull[a] -map [a] out.mp4": "no_stream",
    "-i sound.m4a -an out.mp4": "no_stream",
    "-i good.mp4 -map 0:s out.mp4": "no_stream",
    "-i vp8.webm -c copy out.mp4": "codec_not_in_container",
    "-i good.mp4 -c copy out.webm": "codec_not_in_container",
    "-i good.mp4 -c:v copy -c:a pcm_s16le out.mp4": ("codec_not_in_container", None),
    "-i good.mp4 -c:v nonsense out.mp4": "encoder_missing",
    f"-c:v nonsense -i good.mp4 {NULL}": "decoder_missing",
    f"{DOTS} -vf nonsense {NULL}": "illegal_graph",
    f"{DOTS} -vf scale=nonsense=3 {NULL}": "illegal_graph",
    f"{DOTS} -vf gblur=sigma=-1 {NULL}": "illegal_graph",
    f"{DOTS} -vf scale=w=abc:h=5 {NULL}": "illegal_graph",
    f"{DOTS} -vf crop=x='f(1)' {NULL}": "illegal_graph",
    f"{DOTS} -vf crop=100:100 {NULL}": "illegal_graph",
    f"{DOTS} -vf pad=10:10 {NULL}": "illegal_graph",
    f"{DOTS} -vf format=rgb24:enable=1 {NULL}": "illegal_graph",
    f"{DOTS} -vf format=nonsense {NULL}": "illegal_graph",
    f"{DOTS} -filter_complex [0:v]split[a][b];[a]null[c] -map [c] {NULL}": "illegal_graph",
    f"{DOTS} -filter_complex [0:v]null[c] -map [d] {NULL}": "illegal_graph",
    f"{DOTS} -filter_complex [0:v]null[c -map [c] {NULL}": "illegal_graph",
    f"{DOTS} -filter_complex overlay {NULL}": "illegal_graph",
    f"{DOTS} -f lavfi -i color=s=32x32:d=0.1 -filter_complex concat=n=2 {NULL}": "illegal_graph",
    f"{DOTS} -vf null -c:v copy {NULL}": "illegal_graph",
    f"{DOTS} -vf hwupload {NULL}": "illegal_graph",
    f"{DOTS} -vf hwdownload {NULL}": "illegal_graph",
    f"{DOTS} -vf sendcmd=f=text.mp4,null {NULL}": "illegal_graph",
    f"{DOTS} -vf sendcmd=f=nowhere.cmd,null {NULL}": "file_missing",
    f"{DOTS} -vf scale=100000:100000 {NULL}": "picture_too_large",
    "-f lavfi -i color=s=63x63:d=0.1,format=yuv420p -c:v libx264 -pix_fmt yuv420p out.mp4": (None, "odd_size"),
    f"{DOTS} -vf subtitles=nowhere.srt {NULL}": "subtitles_unreadable",
    f"{DOTS} -vf subtitles=empty.srt {NULL}": "subtitles_unreadable",
    f"{DOTS} -vf ass=text.mp4 {NULL}": "subtitles_unreadable",
    f"{DOTS} -vf subtitles=latin.srt {NULL}": "subtitles_encoding",
    f"{DOTS} -vf subtitles=latin.srt:charenc=nonsense {NULL}": "subtitles_encoding",
    "-nonsense 3 -i good.mp4 out.mp4": "illegal_command",
    "-loop 1 -i good.mp4 out.mp4": "illegal_command",
    f"{DOTS} -c:v libx264 -preset nonsense out.mp4": "illegal_command",
    f"{DOTS} -pix_fmt nonsense out.mp4": "illegal_command",
    f"{DOTS} out.nonsense": "illegal_command",
    "-f lavfi -i sine=d=0.1 -c:a libmp3lame -ar 96000 out.mp3": "illegal_command",
    f"{DOTS} -f mp4 folder.mp4": "output_unwritable",
    f"{DOTS} nowhere/out.mp4": ("file_missing", "output_unwritable"),
    "-f lavfi -i color=s=640x480:d=1 -f rawvideo /dev/full": "disk_full",
}

NO_DRIVER = {
    f"-hwaccel cuda -i good.mp4 {NULL}": "no_driver",
    f"-init_hw_device cuda=cu:0 {DOTS} {NULL}": "no_driver",
    f"{DOTS} -vf hwupload_cuda {NULL}": "no_driver",
    f"{DOTS} -c:v h264_nvenc out.mp4": "no_driver",
    f"-c:v h264_cuvid -i good.mp4 {NULL}": "no_video_capability",
}

# What FFmpeg writes with GPUs, drivers and accidents that a test machine does not have.
WRITTEN = {
    "[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: unsupported device (2): (no details)\n"
    "[h264_nvenc @ 0x1] No capable devices found": "no_nvenc",
    "[h264_nvenc @ 0x1] No capable devices found": "no_nvenc",
    "[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: out of memory (10): (no details)\n"
    "[h264_nvenc @ 0x1] No capable devices found": "nvenc_sessions",
    "OpenEncodeSessionEx failed: incompatible client key (21): (no details)": "nvenc_sessions",
    "Driver does not support the required nvenc API version. Required: 13.1 Found: 12.2\n"
    "The minimum required Nvidia driver for nvenc is 610.00 or newer": "driver_too_old",
    "Cannot load libnvidia-encode.so.1\nThe minimum required Nvidia driver for nvenc is 570.0 or newer": (
        "no_video_capability"
    ),
    "Cannot load libnvcuvid.so.1\nFailed loading nvcuvid.\n"
    "Failed setup for format cuda: hwaccel initialisation returned error.": "no_video_capability",
    "Cannot load libcuda.so.1\nCould not dynamically load CUDA\nDevice creation failed: -1.": "no_driver",
    "cu->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected": "no_gpu",
    "[AVHWDeviceContext @ 0x1] No CUDA capable devices found": "no_gpu",
    "cu->cuInit(0) failed -> CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: system has unsupported display driver / cuda driver "
    "combination": "driver_mismatch",
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE: forward compatibility was attempted": "driver_mismatch",
    "cu->cuMemAlloc(&data, size) failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory\n"
    "Failed to configure output pad on Parsed_scale_cuda_2\nCannot allocate memory": "gpu_out_of_memory",
    "cu->cuModuleLoadData(&s->cu_module, ptx) failed -> CUDA_ERROR_UNSUPPORTED_PTX_VERSION": "driver_too_old",
    "cu->cuLaunchKernel(...) failed -> CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access": "gpu_failed",
    "invalid param (8): Frame Dimension less than the minimum supported value.": "nvenc_size",
    "[h264_nvenc @ 0x1] Width 5120 exceeds 4096\n[h264_nvenc @ 0x1] No capable devices found": "nvenc_size",
    "[h264_nvenc @ 0x1] [warning] B frames as references are not supported\n"
    "[h264_nvenc @ 0x1] [error] No capable devices found": "nvenc_lacks_feature",
    "Middle B frame reference mode is not supported": "nvenc_lacks_feature",
    "Each B frame as reference is not supported": "nvenc_lacks_feature",
    "Max B-frames 5 exceed 4": "nvenc_lacks_feature",
    "10 bit encode not supported": "nvenc_lacks_feature",
    "YUV444P not supported": "nvenc_lacks_feature",
    "Interlaced encoding is not supported. Supported level: 0": "nvenc_lacks_feature",
    "[av1_nvenc @ 0x1] Codec not supported": "nvenc_lacks_feature",
    "InitializeEncoder failed: unsupported param (12)": "nvenc_lacks_feature",
    "[h264 @ 0x1] Hardware is lacking required capabilities\n[h264 @ 0x1] Failed setup for format cuda: hwaccel "
    "initialisation returned error.\nImpossible to convert between the formats supported by the filter 'graph 0 "
    "input from stream 0:0' and the filter 'auto_scale_0'": "nvdec_failed",
    "cuvidCreateVideoParser(&ctx->cuparser, &ctx->cuparseinfo) failed -> CUDA_ERROR_NOT_SUPPORTED": "nvdec_failed",
    "Impossible to convert between the formats supported by the filter 'Parsed_hwupload_cuda_1' and the filter "
    "'auto_scale_1'\nError reinitializing filters!": "illegal_graph",
    "[overlay_cuda @ 0x1] Can't overlay yuva420p on nv12 ": "illegal_graph",
    "[Parsed_scale_cuda_2 @ 0x1] Unsupported input format: yuva420p": "illegal_graph",
    "[overlay_cuda @ 0x1] Unsupported main input format: p010le": "illegal_graph",
    "[hwdownload @ 0x1] Invalid output format yuv444p for hwframe download.": "illegal_graph",
    "[libplacebo @ 0x1] Found no suitable device, giving up.": "no_device",
    "Device creation failed: -542398533.": "no_device",
    "Decoder (codec none) not found for input stream #0:1": "decoder_missing",
    "[libx264 @ 0x1] height not divisible by 2 (64x63)": "odd_size",
    "Application provided invalid, non monotonically increasing dts to muxer in stream 0": "bad_timestamps",
    '[Parsed_drawtext_0 @ 0x1] Could not load font "x.ttf": cannot open resource': "font_missing",
    "x.mp4: Permission denied": "permission_denied",
    "[out#0/mp4 @ 0x1] Error opening output x.mp4: Read-only file system": "output_unwritable",
    "av_interleaved_write_frame(): Broken pipe": "output_closed",
    "Exiting normally, received signal 15.": "interrupted",
    "x.mp4: Too many open files": "out_of_handles",
    "av_interleaved_write_frame(): Input/output error": "disk_failed",
    "terminate called after throwing an instance of 'std::bad_alloc'": "out_of_memory",
    "[AVFilterGraph @ 0x1] Error initializing filters": "illegal_graph",
    "Error while opening encoder - maybe incorrect parameters such as bit_rate": "encoder_refused",
    "Failed to set value 'x' for option 'y': Invalid argument": "illegal_command",
    "[webm @ 0x1] Could not write header (incorrect codec parameters ?): Invalid argument": "codec_not_in_container",
    "[aac @ 0x1] Error submitting packet to decoder: Invalid data found when processing input": "media_damaged",
    "[vist#0:0] Decode error rate 1 exceeds maximum 0.666667": "media_damaged",
}


def written_by(ffmpeg: str, arguments: str, folder: Path) -> tuple[str, int]:
    argv = [ffmpeg, "-y", "-hide_banner", "-nostdin", "-loglevel", "level+warning", *arguments.split()]
    done = capture_sync(argv, cwd=folder, timeout_s=30)
    return done.stderr.decode("utf-8", "replace"), done.exit_code


@pytest.mark.ffmpeg
@pytest.mark.parametrize("arguments", REAL)
def test_what_ffmpeg_really_writes_is_understood(arguments: str, ffmpeg: str, media: Path) -> None:
    text, exit_code = written_by(ffmpeg, arguments, media)
    expected = REAL[arguments]
    codes = (expected,) if isinstance(expected, str) else expected
    if exit_code == 0:
        assert None in codes, text
        return
    failure = classify(text, exit_code)
    assert failure.code in codes, text
    assert not re.search(r"nowhere|secret|127\.0|/", failure.sentence)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("arguments", NO_DRIVER)
def test_a_machine_without_driver_is_the_machines_fault(arguments: str, ffmpeg: str, media: Path) -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has an NVIDIA driver")
    text, exit_code = written_by(ffmpeg, arguments, media)
    failure = classify(text, exit_code)
    assert (failure.code, failure.fault) == (NO_DRIVER[arguments], "machine"), text


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_known_from_other_machines_is_understood(text: str) -> None:
    failure = classify(text, 1)
    assert failure.code == WRITTEN[text]
    generic = "\n[vost#0:0 @ 0x1] [error] Error while opening encoder\n[out#0] Nothing was written into output file"
    assert classify(text + generic, 187) == failure


def test_every_row_has_its_sentence_remedy_and_example() -> None:
    examples = {*WRITTEN.values(), *NO_DRIVER.values()}
    for one in REAL.values():
        examples |= {code for code in ((one,) if isinstance(one, str) else one) if code}
    assert {failure.code for _, failure in ROWS} <= examples
    for _, failure in ROWS:
        assert failure.sentence.endswith(".")
        assert failure.remedy.endswith(".")
        assert failure.fault in ("user", "machine", "unknown")


def test_hardware_and_resources_are_the_machines_fault_and_media_the_users() -> None:
    faults = {failure.code: failure.fault for _, failure in ROWS}
    assert {faults[code] for code in ("no_nvenc", "nvenc_size", "nvdec_failed", "disk_full", "gpu_failed")} == {
        "machine"
    }
    assert {faults[code] for code in ("media_damaged", "not_media", "playlist_refused", "no_stream")} == {"user"}
    assert {faults[code] for code in ("illegal_graph", "illegal_command", "odd_size")} == {"unknown"}


def test_a_full_disk_counts_before_whatever_else_went_wrong() -> None:
    text = (
        "[h264 @ 0x1] Invalid NAL unit size\nError writing trailer of x: No space left on device\nConversion failed!"
    )
    assert classify(text, 1).code == "disk_full"


def test_decoder_noise_is_not_taken_for_the_cause_where_another_is_known() -> None:
    text = "[h264 @ 0x1] Invalid NAL unit size\n[AVFilterGraph @ 0x1] No such filter: 'x'\nInvalid data found"
    assert classify(text, 1).code == "illegal_graph"


def test_a_killed_run_is_told_apart_whatever_it_had_written() -> None:
    assert classify("Invalid data found when processing input", -9).code == "killed"


def test_success_is_spoilt_only_by_what_was_not_written() -> None:
    assert spoils_success("[h264 @ 0x1] Invalid data found when processing input") is None
    spoilt = spoils_success("Error writing trailer of /x: No space left on device")
    assert isinstance(spoilt, Failure)
    assert spoilt.code == "disk_full"


@given(st.text(), st.integers(-64, 255).filter(bool))
def test_whatever_ffmpeg_writes_there_is_an_answer(text: str, exit_code: int) -> None:
    assert classify(text, exit_code).sentence


@given(st.sampled_from([*WRITTEN]), st.text(alphabet=st.characters(exclude_characters="\n\r")))
def test_no_word_of_the_log_reaches_the_sentence(text: str, path: str) -> None:
    sentences = {failure.sentence for _, failure in ROWS}
    failure = classify(f"[error] {path} {text}", 1)
    assert failure.sentence in sentences or failure.code == "codec_not_in_container"


def test_each_row_looks_at_one_line() -> None:
    for pattern, _ in ROWS:
        assert r"\n" not in pattern
        assert not re.search(pattern, "")
    assert row_in("[mp4 @ 0x1] Could not find tag for codec vp8 in stream #0")
    assert row_in("all is well") is None
