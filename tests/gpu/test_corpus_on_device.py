"""Captions on files from the world, on an L4 and on the CPU: the first moments of each."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from apigpu.media.fields import MediaKind
from apigpu.media.probe import probe
from gpu_support import Bench, psnr_db, same_but_for_pixels

pytestmark = [pytest.mark.ffmpeg, pytest.mark.corpus]


@pytest.mark.parametrize(
    ("name", "at_least_db"),
    [
        ("nasa_13013.mp4", 60),
        ("video.mp4", 60),
        ("with-gps.mov", 60),
        ("bear-vp9-odd-dimensions.webm", 60),
        ("h265_10bits.mp4", 50),
        ("sar_2x1.mp4", 55),
    ],
)
def test_captions_are_those_of_the_cpu(bench: Bench, corpus: Path, name: str, at_least_db: float) -> None:
    cut = bench.folder / name
    copy = ["-v", "error", "-i", str(corpus / "video" / name), "-t", "0.4", "-c", "copy", "-map", "0:v", str(cut)]
    subprocess.run([bench.binaries.ffmpeg, *copy], check=True, timeout=60)
    file = asyncio.run(probe(cut, MediaKind.VIDEO, binaries=bench.binaries, workdir=bench.folder))
    bench = replace(bench, files={"in": file})
    clip = bench.clip(("caption", {"url_video": "in", "url_srt": "it.srt"}))
    on_card, on_cpu = bench.on("l4", clip), bench.on_cpu(clip)
    same_but_for_pixels(on_card, on_cpu)
    assert psnr_db(on_card, on_cpu) >= at_least_db
