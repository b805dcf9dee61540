"""Captions laid over frames that stay on the device: the CPU's pictures, and one upload for each caption state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpu_support import Bench, carried, psnr_db, same_but_for_pixels

pytestmark = pytest.mark.ffmpeg

STATES = 4
PLANES = 4
"""Of a frame in yuva420p."""


@pytest.mark.parametrize(
    ("video", "at_least_db"),
    [
        ("plain.mp4", 70),
        ("silent.mp4", 70),
        ("small.mp4", 70),
        ("vfr.mp4", 70),
        ("interlaced.mp4", 50),
        ("phone-90.mov", 70),
        # Square pixels are made by resizing, with the same coefficients but rounded otherwise.
        ("wide-pixels.mp4", 55),
    ],
)
def test_frames_never_leave_the_device(bench: Bench, video: str, at_least_db: float) -> None:
    if video.startswith("phone") and bench.capabilities.filter_options("transpose_cuda") is None:
        pytest.skip("FFmpeg 5 cannot turn pictures on the device")
    clip = bench.clip(("caption", {"url_video": video, "url_srt": "it.srt"}))
    on_card, on_cpu = bench.on("l4", clip), bench.on_cpu(clip)
    same_but_for_pixels(on_card, on_cpu)
    assert psnr_db(on_card, on_cpu) >= at_least_db
    assert len(on_card.trace.decoded) == len(on_card.trace.encoded) == len(on_card.times_s) > 0
    assert len(on_card.trace.uploads) == STATES * PLANES
    assert on_card.trace.downloads == on_card.trace.encoder_uploads == ()
    assert not on_card.has_matrix


@pytest.mark.parametrize(
    "video", ["odd.webm", "hevc.mp4", "hevc-10.mp4", "h264-10.mp4", "mjpeg.mov", "phone-90.mov", "phone-180.mov"]
)
def test_what_the_device_cannot_do_is_done_beside_it(bench: Bench, video: str) -> None:
    """Odd sides, turns and full range go through the CPU; the software NVDEC knows no HEVC, which cards do."""
    clip = bench.clip(("caption", {"url_video": video, "url_srt": "it.srt"}))
    on_card, on_cpu = bench.on("l4", clip), bench.on_cpu(clip)
    same_but_for_pixels(on_card, on_cpu)
    assert psnr_db(on_card, on_cpu) >= 50
    assert not on_card.has_matrix


def test_the_plan_knows_the_bytes_of_the_layer(bench: Bench) -> None:
    done = bench.on("l4", bench.clip(("caption", {"url_video": "plain.mp4", "url_srt": "it.srt"})))
    assert sum(done.trace.uploads) == carried(done.plan, "upload") > 0
    assert done.plan.decoders == ("h264 (NVDEC)",)


def test_captions_past_the_real_end_do_not_lengthen_a_video_that_said_it_was_longer(bench: Bench) -> None:
    file = bench.files["plain.mp4"]
    told = replace(file, duration_s=1.9, videos=(replace(file.videos[0], duration_s=1.9),))
    late = b"1\n00:00:00,200 --> 00:00:01,200\nOne\n\n2\n00:00:01,400 --> 00:00:03,000\nTwo\n"
    lying = replace(bench, files={**bench.files, "plain.mp4": told}, texts={"it.srt": late})
    done = lying.on("l4", lying.clip(("caption", {"url_video": "plain.mp4", "url_srt": "it.srt"})))
    assert len(done.times_s) == file.videos[0].frames


def test_a_decoder_that_lacks_the_codec_costs_uploads_and_nothing_else(bench: Bench) -> None:
    """FFmpeg then decodes in software without a word; hwupload, the head of a graph, takes both kinds of frames."""
    clip = bench.clip(("caption", {"url_video": "plain.mp4", "url_srt": "it.srt"}))
    done, on_cpu = bench.on("nvdec-without-codec", clip, target="l4"), bench.on_cpu(clip)
    same_but_for_pixels(done, on_cpu)
    assert psnr_db(done, on_cpu) >= 50
    assert done.trace.decoded == done.trace.downloads == ()
    assert len(done.trace.uploads) > len(done.times_s)
