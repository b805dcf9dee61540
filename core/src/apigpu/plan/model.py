"""`Plan`: what will run, as plain data. The same object comes out of a dry run and goes into a render."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PLAN_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PlanWarning(_Part):
    """Something the user should know although the plan can run."""

    code: str
    message: str


class PlanAsset(_Part):
    """A small file that must lie in FFmpeg's working folder before it starts."""

    path: str
    """Relative to the working folder, with forward slashes."""
    size_bytes: int
    sha256: str
    content: bytes = Field(default=b"", exclude=True, repr=False)

    @classmethod
    def of(cls, path: str, content: bytes) -> PlanAsset:
        return cls(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), content=content)


class PlanLink(_Part):
    """One link of the filtergraph: who gives frames to whom, where they live, and how much travels."""

    source: str
    """Id of the step that gives."""
    target: str
    """Id of the step that takes."""
    kind: Literal["video", "audio"]
    domain: str = "system"
    """Memory that the frames live in: system, cuda, vulkan or opencl."""
    pix_fmt: str = ""
    """Pixel format of the frames; empty for sound."""
    width: int = 0
    height: int = 0
    rate: float = 0.0
    """Frames a second that travel."""
    bytes_per_s: float = 0.0
    transfer: Literal["", "upload", "download"] = ""
    """Set where the frames cross between system memory and the GPU."""


class PlanNode(_Part):
    """One box of the picture: a file, a stretch of filters in one memory, a transfer, an encoder or the output."""

    id: str
    kind: Literal["input", "filter", "upload", "download", "encode", "copy", "output"]
    label: str
    domain: str = "system"
    owner: str = ""
    """The operation that it belongs to."""
    filters: tuple[str, ...] = ()
    """FFmpeg filters inside, in order."""


class PlanStep(_Part):
    """One run of FFmpeg. `arguments` leave out the program; `OUTPUT` stands for the output path."""

    id: str
    kind: Literal["render"] = "render"
    waits_for: tuple[str, ...] = ()
    """Ids of the steps that must have ended before."""
    arguments: tuple[str, ...]


class PlanOutput(_Part):
    """What comes out."""

    container: str
    video: str = ""
    """Encoder's name, `copy`, or empty where there is no picture."""
    audio: str = ""
    width: int = 0
    height: int = 0
    frame_rate: str = ""
    """Frames a second as a fraction; the average where the rate varies."""
    frames: int = 0
    duration_s: float = 0.0


class PlanEstimate(_Part):
    """What the run is expected to take. A model of filters, codecs and transfers, not a measurement."""

    machine_s: float
    """Busy seconds of one CPU core, with GPU time counted at a tenth."""
    usd: float
    """Price on the target, without start-up and idle time; 0 for one's own machine."""


class Plan(_Part):
    """Everything that FFmpeg will be told, where every frame lives, and what is expected of the run."""

    version: int = PLAN_VERSION
    target: str
    device: str = ""
    ffmpeg: str
    decoders: tuple[str, ...] = ()
    """How each input stream is decoded, such as `h264 (NVDEC)`."""
    steps: tuple[PlanStep, ...]
    assets: tuple[PlanAsset, ...] = ()
    nodes: tuple[PlanNode, ...] = ()
    links: tuple[PlanLink, ...] = ()
    output: PlanOutput
    estimate: PlanEstimate
    warnings: tuple[PlanWarning, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length of the result in seconds."""
        return self.output.duration_s

    @property
    def transfers(self) -> tuple[PlanLink, ...]:
        """The links on which frames cross between system memory and the GPU."""
        return tuple(link for link in self.links if link.transfer)

    def argv(self, *, ffmpeg: str = "ffmpeg", output: str = "OUTPUT") -> list[str]:
        """The command line of the last step, to be run in a folder where the assets lie.

        `output` must be absolute or begin with a folder, so that it can never be read as an option.
        """
        return [ffmpeg, *self.steps[-1].arguments[:-1], output]
