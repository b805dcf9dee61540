"""Captioning videos through the compiler, without an encoder, so that tests see the very pixels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from apigpu import Clip, Media
from apigpu.compiler import compile_clip
from apigpu.ffmpeg.capabilities import capabilities_at
from apigpu.ffmpeg.process import capture_sync
from apigpu.formats import Domain, VideoFormat
from apigpu.graph import Implementation
from apigpu.media.facts import MediaFile, VideoFacts
from apigpu.streams import VideoStream
from apigpu.targets.presets import named_target
from apigpu_caption import CaptionInput, caption
from apigpu_caption.burn import BurnIn

Picture = np.ndarray[Any, Any]
VIDEO, SUBTITLES = "video.mkv", "subtitles"


def facts(
    path: str = VIDEO,
    *,
    size: tuple[int, int] = (640, 360),
    rate: Fraction = Fraction(25),
    duration_s: float = 4.0,
    pix_fmt: str = "yuv420p",
    **more: Any,
) -> MediaFile:
    """Facts of a silent video."""
    stream = VideoFacts(
        index=0,
        codec="ffv1",
        width=size[0],
        height=size[1],
        pix_fmt=pix_fmt,
        frame_rate=rate,
        duration_s=duration_s,
        **more,
    )
    return MediaFile(path=path, format="matroska,webm", size_bytes=1000, duration_s=duration_s, videos=(stream,))


def media_of(subtitles: str | bytes, file: MediaFile | None = None) -> Media:
    """A request's files: a video named VIDEO and subtitles named SUBTITLES."""
    raw = subtitles.encode() if isinstance(subtitles, str) else subtitles
    return Media(files={VIDEO: file or facts()}, texts={SUBTITLES: raw})


def captioned(subtitles: str | bytes, file: MediaFile | None = None, **request: Any) -> tuple[Clip, Media]:
    """The clip that the operation makes, and the media that bears its warnings."""
    media = media_of(subtitles, file)
    wanted = CaptionInput(url_video=VIDEO, url_srt=SUBTITLES, **request)
    return caption.build(wanted, media), media


def burn_of(clip: Clip) -> BurnIn:
    """The filter that the operation applied."""
    assert clip.video is not None
    assert isinstance(clip.video.node.operator, BurnIn)
    return clip.video.node.operator


def make_video(ffmpeg: str, folder: Path, source: str, **more: Any) -> MediaFile:
    """A lossless file of a lavfi source, which must name its `size`, `rate` and `duration` as in `facts`."""
    path = folder / VIDEO
    made = facts(str(path), **more)
    stream = made.videos[0]
    shape = f"s={stream.width}x{stream.height}:r={stream.frame_rate}:d={stream.duration_s}"
    graph = f"{source}{':' if '=' in source else '='}{shape},format={stream.pix_fmt}"
    command = [ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", graph, "-c:v", "ffv1", str(path)]
    done = capture_sync(command, timeout_s=60)
    assert done.exit_code == 0, done.stderr.decode()
    return made


def rendered(clip: Clip, ffmpeg: str, folder: Path, *, pix_fmt: str = "yuv420p") -> Picture:
    """Every frame that the plan for a CPU gives, before its encoder: (frames, bytes) of `pix_fmt`."""
    target = named_target("cpu", capabilities_at(ffmpeg, {}))
    return run_plan_arguments(compile_clip(clip, target), ffmpeg, folder, pix_fmt, clip)


def run_plan_arguments(plan: Any, ffmpeg: str, folder: Path, pix_fmt: str, clip: Clip) -> Picture:
    for asset in plan.assets:
        path = folder / asset.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(asset.content)
    arguments = list(plan.steps[0].arguments)
    mapped = arguments.index("-map") + 2
    target = folder / "frames.raw"
    lossless = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", pix_fmt, str(target)]
    done = capture_sync([ffmpeg, "-v", "error", *arguments[:mapped], *lossless], timeout_s=120, cwd=folder)
    assert done.exit_code == 0, done.stderr.decode()
    assert clip.video is not None
    picture = clip.video.format
    size = {"yuv420p": 3 / 2, "gray": 1, "rgb24": 3}[pix_fmt] * picture.width * picture.height
    return np.fromfile(target, np.uint8).reshape(-1, int(size))


def luma(frames: Picture, video: VideoFormat) -> Picture:
    """The Y planes of frames in yuv420p or gray: (frames, height, width)."""
    return frames[:, : video.width * video.height].reshape(-1, video.height, video.width)


def psnr(one: Picture, other: Picture) -> float:
    """In dB, for 8 bits; infinite where they are equal."""
    error = float(np.mean((one.astype(np.int32) - other) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


class OnLayer(BurnIn):
    """The CUDA way with the CPU's overlay: the same layer, frame for frame."""

    tag_alpha: bool = False

    def implementations(self, *inputs: VideoFormat) -> list[Implementation]:
        layer = self.layer
        assert layer is not None

        def build(fragment: Any, video: Any) -> Any:
            drawn = layer.draw(fragment, self.fonts, tag_alpha=self.tag_alpha)
            return fragment.filter("overlay", video, drawn, x=0, y=layer.canvas.y, eof_action="pass")

        return [Implementation(domain=Domain.SYSTEM, accepts=(("yuv420p",),), produces="yuv420p", build=build)]


class OnTaggedLayer(OnLayer):
    """For FFmpeg 9, whose filters ask whether alpha is multiplied in."""

    tag_alpha = True


def on_layer(clip: Clip, *, tag_alpha: bool) -> Clip:
    """The same captions by way of their layer."""
    burn = burn_of(clip)
    assert clip.video is not None
    kind = OnTaggedLayer if tag_alpha else OnLayer
    node = replace(clip.video.node, operator=kind(burn.script, burn.fonts, burn.by, burn.layer))
    return Clip(VideoStream(node))
