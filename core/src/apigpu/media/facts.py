"""What is known of a media file before anything is decoded. Plain values; `probe` fills them in.

Sizes are in pixels, times in seconds on the file's own time line (as ffprobe prints them), rates exact
fractions. `None` means that the file does not say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, kw_only=True)
class Color:
    """FFmpeg's four colour words as ffprobe prints them; empty where the stream does not say."""

    range: str = ""
    space: str = ""
    primaries: str = ""
    transfer: str = ""

    @property
    def is_hdr(self) -> bool:
        """True for PQ and HLG, whose pixels look washed out when read as SDR."""
        return self.transfer in {"smpte2084", "arib-std-b67"}


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """One video stream. `width` and `height` are the coded picture before rotation and sample aspect."""

    index: int
    codec: str
    width: int
    height: int
    pix_fmt: str
    profile: str = ""
    bit_depth: int = 8
    sar: Fraction = Fraction(1)
    rotation_deg: int = 0
    """Clockwise turn that a player applies to show the picture upright: 0, 90, 180 or 270."""
    mirrored: bool = False
    """True where the display matrix also mirrors the picture, left to right before it is turned."""
    frame_rate: Fraction = Fraction(25)
    """Average frames per second; never 0."""
    is_vfr: bool = False
    """True where frames are not evenly spaced, so that only the timestamps tell when to show them."""
    field_order: str = "progressive"
    """ffprobe's word: progressive, tt, bb, tb, bt or unknown."""
    start_s: float = 0.0
    duration_s: float = 0.0
    """Length of the stream itself, repaired where the container lies or is silent; 0.0 if nothing can tell."""
    frames: int | None = None
    color: Color = field(default_factory=Color)
    has_alpha: bool = False
    is_attached_picture: bool = False
    """True for cover art in a sound file, which is no video."""

    @property
    def is_interlaced(self) -> bool:
        return self.field_order in {"tt", "bb", "tb", "bt"}


@dataclass(frozen=True, kw_only=True)
class AudioFacts:
    """One audio stream."""

    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str = ""
    start_s: float = 0.0
    duration_s: float = 0.0
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """One still image as FFmpeg will read it from `MediaFile.path`.

    `width` and `height` are the stored picture; `orientation` is EXIF's number 1 to 8 that is still to be
    applied. Formats that FFmpeg reads wrongly or not at all (HEIF, AVIF, CMYK, wide-gamut profiles, animated
    WebP) have been turned into an sRGB PNG by then, upright, so that their orientation is 1.
    """

    width: int
    height: int
    pix_fmt: str
    codec: str
    orientation: int = 1
    has_alpha: bool = False
    pages: int = 1
    original_format: str = ""
    """Pillow's word for what was sent, such as JPEG or HEIF."""
    color: Color = field(default_factory=Color)
    """How FFmpeg decodes it: full-range BT.601 for JPEG, limited for lossy WebP, RGB otherwise."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as a viewer shows the picture."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """A probed file. `videos` leaves out attached pictures; `image` is set for stills, and then only it."""

    path: str
    """Absolute path of what FFmpeg is to open."""
    format: str
    """ffprobe's format name, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    size_bytes: int
    start_s: float = 0.0
    """Start of the earliest stream: what FFmpeg shifts to 0 when it opens the file."""
    duration_s: float = 0.0
    videos: tuple[VideoFacts, ...] = ()
    audios: tuple[AudioFacts, ...] = ()
    subtitle_codecs: tuple[str, ...] = ()
    image: ImageFacts | None = None
    warnings: tuple[str, ...] = ()
    """What was repaired or left out, in sentences."""
