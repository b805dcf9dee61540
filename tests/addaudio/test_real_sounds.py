"""Sounds from the corpus lie where they should, found by their own shape rather than by clicks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from addaudio_support import Render, Samples, Video, decoded, lengths, listen
from apigpu.ffmpeg.binary import Binaries

pytestmark = [pytest.mark.ffmpeg, pytest.mark.corpus]

RATE_HZ = 8000

_FILES = [
    "198-209-0000.hq.ogg",
    "audio-mono-8-bit-44100Hz.wav",
    "bbb_1ch_8kHz_aac_lc.m4a",
    "bbb_6ch_8kHz_opus.ogg",
    "bear-id3.mp3",
    "bear.flac",
    "bear.opus",
    "chinese.flac",
    "poem.es.mp3",
    "test1.mp3",
]


@pytest.mark.parametrize("name", _FILES)
def test_a_real_sound_begins_with_the_first_frame(
    name: str, corpus: Path, video: Video, render: Render, binaries: Binaries
) -> None:
    source = corpus / "audio" / name
    output, _ = render(url_video=video("plain.ts"), url_audio=source)
    heard = listen(output, binaries)
    begun = decoded(source, binaries, rate_hz=RATE_HZ)[: int(2.9 * RATE_HZ)]
    placed = decoded(output, binaries, rate_hz=RATE_HZ)
    assert heard.times[0] + _lag_s(placed, begun) == pytest.approx(0.0, abs=0.002)
    assert lengths(output, binaries)["audio"] == pytest.approx(3.0, abs=0.001)


def _lag_s(late: Samples, early: Samples) -> float:
    """How much later the one begins than the other, where they fit best."""
    size = 2 ** int(np.ceil(np.log2(len(late) + len(early))))
    spectrum = np.fft.rfft(late, size) * np.conj(np.fft.rfft(early, size))
    best = int(np.argmax(np.fft.irfft(spectrum, size)))
    return (best if best < size // 2 else best - size) / RATE_HZ
