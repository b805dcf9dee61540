"""Real runs of a frame or two that prove what the card, its driver and this container give to FFmpeg.

FFmpeg lists NVENC on any machine, and falls back to software decoding with exit status 0: so each probe is built
to fail where the hardware is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apigpu.errors import FFmpegError
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.ffmpeg.failures import Failure, classify
from apigpu.ffmpeg.process import capture_sync

NVENC_ENCODERS = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")

_TIMEOUT_S = 20.0
_SAMPLES = Path(__file__).with_name("samples")
_DEVICE = ("-init_hw_device", "cuda=cu:0", "-filter_hw_device", "cu")
_AWAY = ("-f", "null", "-")
# NVENC refuses pictures below about 145x49.
_PICTURE = ("-f", "lavfi", "-i", "color=s=256x256:r=25:d=0.2,format=yuv420p")
_NVENC = ("-preset", "p5", "-tune", "hq", "-rc", "vbr", "-cq", "30", "-b:v", "0", "-spatial-aq", "1")
_FEATURES = {
    "bf": ("-bf", "3"),
    "b_ref_mode": ("-bf", "3", "-b_ref_mode", "middle"),
    "temporal-aq": ("-temporal-aq", "1"),
    "rc-lookahead": ("-rc-lookahead", "20"),
}
_NEEDS_DRIVER = re.compile(r"minimum required Nvidia driver for nvenc is (?:\(unknown\) )?([\d.]+) or newer")
_CARD = re.compile(r"GPU #\d+ - < (.+?) > has Compute SM")


@dataclass(frozen=True)
class Answer:
    """How one probe ended. `failure` is None where it worked."""

    failure: Failure | None = None
    features: tuple[str, ...] = ()
    """Of an encoder that works: which of its options the card takes."""
    needs_driver: str = ""
    """The oldest NVIDIA driver that this FFmpeg asks for, where it said so."""
    card: str = ""
    """The card's name, where FFmpeg told it."""


def probe_filters(ffmpeg: str, capabilities: Capabilities) -> Answer:
    """Frames go to the card and through its filters, which are compiled for it by the driver."""
    graph = "color=s=256x256:r=25:d=0.2,format=yuv420p,split[a][b];[a]hwupload,scale_cuda=128:128[m]"
    if "overlay_cuda" in capabilities.filters:
        # overlay_cuda writes past the picture's edge, so the layer lies inside.
        graph += ";[b]scale=64:64,format=yuva420p,hwupload[o];[m][o]overlay_cuda=x=8:y=8"
    else:
        graph += ";[b]nullsink;[m]null"
    return _answer(ffmpeg, (*_DEVICE, "-filter_complex", graph, "-frames:v", "2", *_AWAY))


def probe_encoder(ffmpeg: str, encoder: str) -> Answer:
    """Whether NVENC encodes, and what options of `_FEATURES` it takes: all at once, or one by one if that fails."""
    everything = _encode(ffmpeg, encoder, tuple(_FEATURES))
    if everything.failure is None:
        return everything
    plain = _encode(ffmpeg, encoder, ())
    if plain.failure is not None:
        return plain
    alone = (_encode(ffmpeg, encoder, (feature,)) for feature in _FEATURES)
    return Answer(
        features=tuple(name for one in alone if one.failure is None for name in one.features), card=plain.card
    )


def probe_decoder(ffmpeg: str, codec: str) -> Answer:
    """Whether NVDEC decodes the sample of that codec: hwdownload takes frames from nobody else."""
    source = ("-hwaccel", "cuda", "-hwaccel_output_format", "cuda", "-hwaccel_device", "cu", "-i")
    picture = str(_SAMPLES / f"{codec}.mkv")
    return _answer(ffmpeg, (*_DEVICE, *source, picture, "-vf", "hwdownload,format=nv12", "-frames:v", "2", *_AWAY))


def sampled_codecs() -> tuple[str, ...]:
    """The codecs that there is a sample of."""
    return tuple(sorted(file.stem for file in _SAMPLES.glob("*.mkv")))


def _encode(ffmpeg: str, encoder: str, features: Sequence[str]) -> Answer:
    options = [word for name in features for word in _FEATURES[name]]
    answer = _answer(ffmpeg, (*_PICTURE, "-frames:v", "3", "-c:v", encoder, *_NVENC, *options, *_AWAY))
    return answer if answer.failure else Answer(features=tuple(features), card=answer.card)


def _answer(ffmpeg: str, arguments: Sequence[str]) -> Answer:
    # FFmpeg tells the reasons for a missing capability, and the card's name, at this level only.
    argv = (ffmpeg, "-hide_banner", "-nostdin", "-v", "verbose", *arguments)
    try:
        done = capture_sync(argv, timeout_s=_TIMEOUT_S)
    except FFmpegError as error:
        return Answer(Failure(error.code, error.message, error.remedy, "unknown"))
    text = done.stderr.decode("utf-8", "replace")
    card, needed = _CARD.search(text), _NEEDS_DRIVER.search(text)
    return Answer(
        failure=classify(text, done.exit_code) if done.exit_code else None,
        needs_driver=needed.group(1) if needed else "",
        card=card.group(1) if card else "",
    )
