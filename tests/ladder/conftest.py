"""Small media, and caches that know FFmpeg but no device."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apigpu.ffmpeg.binary import find_binaries
from cli_support import make
from ladder_support import SRT, Workplace
from softgpu.equipment import EquipmentMissing, build


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Media to be copied. Skips where the software driver cannot be built."""
    try:
        build()
    except EquipmentMissing as missing:
        pytest.skip(str(missing))
    root = tmp_path_factory.mktemp("ladder")
    folder, cache = root / "media", root / "cache"
    folder.mkdir()
    x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    picture = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.6")
    make(folder, *picture, "-f", "lavfi", "-i", "sine=d=0.6", *x264, "-c:a", "aac", "video.mp4")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=25:d=0.2", *x264, "large.mp4")
    make(folder, "-f", "lavfi", "-i", "sine=f=300:d=0.6", "sound.wav")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=480x360", "-frames:v", "1", "photo.png")
    (folder / "subs.srt").write_text(SRT, encoding="utf-8")
    find_binaries({**os.environ, "APIGPU_CACHE_DIR": str(cache)})
    return Workplace(folder, cache)


@pytest.fixture
def workplace(prepared: Workplace, tmp_path: Path) -> Workplace:
    return prepared.copy(tmp_path)
