"""How big a file may be before it is refused unread. Every refusal names the value and the limit."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Bounds on what is probed; sizes in pixels, times in seconds. All are checked before anything is decoded."""

    max_pixels: int = 120_000_000
    """Of a still, width times height."""
    max_video_pixels: int = 8192 * 8192
    """Of one frame of a video."""
    max_video_side: int = 16384
    max_duration_s: float = 6 * 3600.0
    max_streams: int = 64
    max_subtitle_bytes: int = 8 << 20
    max_packets: int = 300_000
    """Read at most when a length must be measured because the file does not tell it, or lies."""
    probe_timeout_s: float = 60.0

    def check_still(self, width: int, height: int) -> None:
        """Raises InputError, code `too_large`, for a still with too many pixels."""
        if width * height > self.max_pixels:
            raise InputError(
                f"the image has {width}x{height} = {_mega(width * height)} megapixels; "
                f"the limit is {_mega(self.max_pixels)}.",
                code="too_large",
                remedy="Send a smaller image.",
            )

    def check_frame(self, width: int, height: int) -> None:
        """Raises InputError, code `too_large`, for a video whose frames are too big."""
        if max(width, height) > self.max_video_side:
            raise InputError(
                f"the video is {width}x{height} pixels; the limit for a side is {self.max_video_side}.",
                code="too_large",
                remedy="Send the video in a smaller size.",
            )
        if width * height > self.max_video_pixels:
            raise InputError(
                f"the video has {width}x{height} = {_mega(width * height)} megapixels a frame; "
                f"the limit is {_mega(self.max_video_pixels)}.",
                code="too_large",
                remedy="Send the video in a smaller size.",
            )

    def check_duration(self, duration_s: float) -> None:
        """Raises InputError, code `too_long`."""
        if duration_s > self.max_duration_s:
            raise InputError(
                f"the file is {duration_s:.0f} seconds long; the limit is {self.max_duration_s:.0f}.",
                code="too_long",
                remedy="Send a shorter file, or cut it into parts.",
            )

    def check_streams(self, count: int) -> None:
        """Raises InputError, code `too_many_streams`."""
        if count > self.max_streams:
            raise InputError(
                f"the file has {count} streams; the limit is {self.max_streams}.",
                code="too_many_streams",
                remedy="Send a file with only the streams that are needed.",
            )


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:.0f}" if pixels >= 10_000_000 else f"{pixels / 1e6:.2g}"
