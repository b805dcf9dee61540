"""What is rendered: every operation, two graphs of core's filters, and pipelines of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigpu import Clip, Input, Media, VideoUrl, operation
from apigpu.errors import SetupError
from apigpu.ffmpeg.process import capture_sync
from apigpu.filters import Overlay, Scale
from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.request import JobRequest, pipeline_request

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "media"
PHOTOS = ("spacecraft.jpg", "pier.jpg", "canyon.jpg", "coast.jpg")
MOTIONS = ("zoom_in", "pan_up", "zoom_out", "pan_right")
_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Size:
    """Of the pictures that are made: pixels, seconds of video, seconds of each photo."""

    width: int
    height: int
    video_s: float
    photo_s: float


FULL = Size(1920, 1080, 12.0, 3.0)
SMALL = Size(320, 192, 2.0, 0.6)
QUICK = Size(320, 192, 0.6, 0.2)


@dataclass(frozen=True)
class Case:
    """One thing to render. Its luma on the card is at least `least_db` from the processor's, in the worst frame."""

    name: str
    steps: Callable[[Size], list[dict[str, Any]]]
    least_db: float = 50.0

    def request(self, registry: Registry, size: Size) -> JobRequest:
        """The checked request, with paths relative to the folder of `make_media`."""
        return pipeline_request(registry, {"steps": self.steps(size)})


def _slides(size: Size) -> dict[str, Any]:
    photos = zip(PHOTOS, MOTIONS, strict=True)
    images = [{"image_url": name, "duration": size.photo_s, "motion": motion} for name, motion in photos]
    return {
        "operation": "img2vid",
        "width": size.width,
        "height": size.height,
        "frame_rate": 25,
        "images": images,
    }


def _step(name: str, **fields: str) -> dict[str, Any]:
    return {"operation": name, **fields}


# FFmpeg's CUDA scaler and its CPU scaler are both bicubic, and not the same one.
_SCALED_DB = 30.0

CASES = (
    Case("caption", lambda size: [_step("caption", url_video="clip.mp4", url_srt="narration.srt")]),
    Case("img2vid", lambda size: [_slides(size)]),
    Case("addaudio", lambda size: [_step("addaudio", url_video="clip.mp4", url_audio="narration.wav")]),
    Case("scale, overlay", lambda size: [_step("inset", url_video="clip.mp4")], _SCALED_DB),
    Case("blur", lambda size: [_step("blurred", url_video="clip.mp4")]),
    Case(
        "img2vid, addaudio, caption",
        lambda size: [
            _slides(size),
            _step("addaudio", url_audio="narration.wav"),
            _step("caption", url_srt="narration.srt"),
        ],
    ),
    Case(
        "scale, overlay, caption",
        lambda size: [_step("inset", url_video="clip.mp4"), _step("caption", url_srt="narration.srt")],
        _SCALED_DB,
    ),
)


class _Video(Input):
    url_video: VideoUrl


@operation("inset")
def inset(request: _Video, media: Media) -> Clip:
    """Three quarters of the size, with a small copy of itself in the corner."""
    clip = media.video(request.url_video)
    assert clip.video is not None
    width, height = clip.video.format.width, clip.video.format.height
    main = clip.video.apply(Scale(_even(width * 3 // 4), _even(height * 3 // 4)))
    layer = clip.video.apply(Scale(_even(width // 4), _even(height // 4)))
    return clip.replace(video=main.apply(Overlay(16, 8), layer))


@operation("blurred")
def blurred(request: _Video, media: Media) -> Clip:
    """A blur, for which FFmpeg has no CUDA filter."""
    clip = media.video(request.url_video)
    assert clip.video is not None
    return clip.replace(video=clip.video.filter("gblur", sigma=5))


OWN: Mapping[str, Operation] = {item.name: item for item in (inset, blurred)}
"""Operations that exist for the check alone."""


def _even(number: int) -> int:
    return number // 2 * 2


def make_media(folder: Path, size: Size, ffmpeg: str) -> None:
    """A moving picture with sound, and the example photos, narration and subtitles. Raises SetupError."""
    for name in (*PHOTOS, "narration.wav", "narration.srt"):
        shutil.copy(EXAMPLES / name, folder)
    picture = f"testsrc2=s={size.width}x{size.height}:r=25:d={size.video_s}"
    sources = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=d={size.video_s}")
    codecs = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac")
    argv = (ffmpeg, "-v", "error", "-nostdin", *sources, *codecs, str(folder / "clip.mp4"))
    done = capture_sync(argv, timeout_s=_TIMEOUT_S)
    if done.exit_code:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise SetupError(f"FFmpeg cannot make a test picture: {said}", code="ffmpeg_unusable")
