"""Facts of files that nobody needs to have."""

from __future__ import annotations

from fractions import Fraction

from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts


def media_file(
    *,
    path: str = "/media/in.mp4",
    width: int = 1920,
    height: int = 1080,
    rate: int = 25,
    duration_s: float = 10.0,
    codec: str = "h264",
    pix_fmt: str = "yuv420p",
    size_bytes: int = 1000,
    **video: object,
) -> MediaFile:
    """Facts of a video with sound, as `probe` would give them."""
    stream = VideoFacts(
        index=0,
        codec=codec,
        width=width,
        height=height,
        pix_fmt=pix_fmt,
        frame_rate=Fraction(rate),
        duration_s=duration_s,
        **video,  # type: ignore[arg-type]
    )
    sound = AudioFacts(index=1, codec="aac", sample_rate_hz=44100, channels=1, duration_s=duration_s)
    return MediaFile(
        path=path,
        format="mov,mp4,m4a,3gp,3g2,mj2",
        size_bytes=size_bytes,
        duration_s=duration_s,
        videos=(stream,),
        audios=(sound,),
    )
