"""The ways to zoom into a photo that img2vid is compared with: the filters of other systems, and apigpu's plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from _apigpu import planned
from _jitter import Box, Picture
from _measure import Command, binaries

FRAMES, RATE, ZOOM = 150, 30, 1.4
WIDTH, HEIGHT = 1920, 1080
SIZE = f"{WIDTH}x{HEIGHT}"
SECONDS = FRAMES // RATE
# The same way for all: the picture grows by equal factors in equal times, around its middle.
EVEN = f"pow({ZOOM},on/{FRAMES - 1})"
MIDDLE = "x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)'"


@dataclass(frozen=True)
class Way:
    """How one system makes frames of `{zoom}` and `{frames}`, and how it encodes them."""

    name: str
    filters: str
    zoom: str
    """Its own zoom expression; `EVEN` takes its place where pictures are compared."""
    encoding: Sequence[str]
    pace: float = 1.0
    """Steps that it takes on the way in a frame."""

    def command(self, photo: Path, output: Path) -> Command:
        """The whole command, encoding included, as the system gives it."""
        filters = self.filters.format(zoom=self.zoom)
        tail = ["-vf", filters, *self.encoding, "-t", str(SECONDS), str(output)]
        return Command(self.name, [*self._head(photo), *tail])

    def frames(self, photo: Path, output: Path) -> Command:
        """Its frames on the even way, raw and in yuv420p."""
        tail = ["-vf", f"{self.filters.format(zoom=EVEN)},format=yuv420p", "-frames:v", str(FRAMES)]
        return Command(self.name, [*self._head(photo), *tail, "-f", "rawvideo", str(output)])

    def _head(self, photo: Path) -> list[str]:
        return [binaries().ffmpeg, "-v", "error", "-y", "-framerate", str(RATE), "-loop", "1", "-i", str(photo)]


SIX_TIMES = Way(
    "6x upscale",
    f"scale=6*iw:6*ih:flags=lanczos,zoompan=z='{{zoom}}':d={FRAMES}:{MIDDLE}:s={SIZE}:fps={RATE},"
    "scale=1920:1080:flags=bicubic,format=nv12",
    f"min(1.0+0.4*on/{FRAMES},1.4)",
    "-c:v libx264 -preset veryfast -crf 23 -maxrate 10M -bufsize 20M -threads 0".split(),
)
NCA = Way(
    "NCA",
    f"scale=7680:4320,zoompan=z='{{zoom}}':d={FRAMES}:{MIDDLE}:s={SIZE},fps={RATE}",
    f"min(1+0.08*{SECONDS}*on/{FRAMES},1.4)",
    f"-c:v libx264 -r {RATE} -pix_fmt yuv420p".split(),
    # zoompan's own rate is 25; `fps` after it repeats frames.
    pace=25 / RATE,
)
NCA_AT_RATE = Way(
    f"NCA, zoompan at {RATE} fps",
    NCA.filters.replace(f"s={SIZE}", f"s={SIZE}:fps={RATE}"),
    NCA.zoom,
    NCA.encoding,
)


def boxes(width: int, height: int, pace: float = 1.0) -> list[Box]:
    """What each frame shows of a still of the frame's shape, on the even way."""
    zooms = [ZOOM ** (number * pace / (FRAMES - 1)) for number in range(FRAMES)]
    around = [((1 - 1 / zoom) / 2, (1 + 1 / zoom) / 2) for zoom in zooms]
    return [(width * low, height * low, width * high, height * high) for low, high in around]


def luma(raw: Path) -> Picture:
    """Y of every frame of a raw yuv420p file: (frames, height, width), uint8, read as it is looked at."""
    frames = np.memmap(raw, np.uint8, "r").reshape(-1, WIDTH * HEIGHT * 3 // 2)
    assert len(frames) == FRAMES, f"{raw.name} has {len(frames)} frames"
    return frames[:, : WIDTH * HEIGHT].reshape(-1, HEIGHT, WIDTH)


def request(photo: Path) -> list[str]:
    """The same wish in apigpu's words."""
    words = ["--duration", str(SECONDS), "--frame-rate", str(RATE), "--motion", "zoom_in", "--zoom", str(ZOOM)]
    return ["img2vid", "--url-image", str(photo), *words]


def planned_frames(photo: Path, folder: Path, output: Path) -> Command:
    """The frames of apigpu's plan, raw and in yuv420p."""
    arguments = planned(request(photo), folder)
    graph = arguments[: arguments.index("-map") + 2]
    raw = ["-fps_mode", "passthrough", "-f", "rawvideo", str(output)]
    return Command("apigpu", [binaries().ffmpeg, "-v", "error", "-y", *graph, *raw], folder)


def encoding_of(ready: Path, photo: Path, folder: Path, output: Path) -> Command:
    """What the plan does after its graph, done to frames that lie ready in a file."""
    arguments = planned(request(photo), folder)
    after = arguments[arguments.index("-map") + 2 : -1]
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", SIZE, "-r", str(RATE), "-i", str(ready)]
    return Command("encoding alone", [binaries().ffmpeg, "-v", "error", "-y", *raw, *after, str(output)])
