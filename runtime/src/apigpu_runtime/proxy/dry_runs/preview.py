"""Previews: one real frame of the result, or a short clip, on this machine's CPU."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu.compiler import OutputSpec, cut_to_frame, cut_to_stretch
from apigpu.errors import InputError
from apigpu_runtime.execute import Machine, execute, prepare, work_folder
from apigpu_runtime.job import PIPELINE, job_request, split_options
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.dry_runs.gate import Gate
from apigpu_runtime.request import JobRequest
from apigpu_runtime.settings import Settings

TIMEOUT_S = 30.0
MAX_BYTES = 1 << 30
"""Of each file: the frame may be anywhere in it."""
MAX_CLIP_S = 10.0
CLIP_HEIGHT = 360
_FRAME = OutputSpec("png")
_CLIP = OutputSpec("mp4", "h264", 60)


@dataclass(frozen=True)
class Wanted:
    """Which moment, None for the middle, and how much from then on, None for one frame."""

    at_s: float | None = None
    clip_s: float | None = None

    @classmethod
    def of(cls, request: Request) -> Wanted:
        """What the query asks for. Raises InputError."""
        unknown = [name for name in request.query_params if name not in {"at", "clip"}]
        if unknown:
            raise InputError("there is no such option.", where=unknown[0], remedy="There are: at, clip.")
        at_s, clip_s = _seconds(request, "at"), _seconds(request, "clip")
        if clip_s is not None and not 0 < clip_s <= MAX_CLIP_S:
            raise InputError(f"must be more than 0 and at most {MAX_CLIP_S:g} seconds.", where="clip")
        return cls(at_s, clip_s)


@dataclass(frozen=True)
class Preview:
    """A picture or a clip, and the moment that it shows or begins at."""

    content: bytes
    media_type: str
    at_s: float


@dataclass(frozen=True, kw_only=True)
class Previews:
    """Makes previews, two at once. `machine` finds the FFmpeg here, or raises SetupError."""

    reader: BodyReader
    machine: Callable[[], Machine]
    settings: Settings
    gate: Gate = field(default_factory=lambda: Gate("preview", at_once=2, waiting=8, timeout_s=TIMEOUT_S))

    async def made(self, request: Request, name: str) -> Preview:
        """The answer to a request for an operation, or for `pipeline`.

        Raises InputError, FFmpegError, and SetupError where there is no FFmpeg here.
        """
        wanted = Wanted.of(request)
        operation = None if name == PIPELINE else self.reader.registry.get(name)
        async with AsyncExitStack() as uploads:
            fields, _ = split_options(await self.reader.read(request, operation, until=uploads))
            return await self._of(job_request(self.reader.registry, name, fields), wanted)

    async def _of(self, job: JobRequest, wanted: Wanted) -> Preview:
        async with self.gate.passed():
            machine = await asyncio.to_thread(self.machine)
            limited = replace(machine, settings=self._limited())
            with work_folder(limited.settings) as folder:
                return await _made(job, wanted, limited, folder)

    def _limited(self) -> Settings:
        return replace(
            self.settings,
            max_download_bytes=min(MAX_BYTES, self.settings.max_download_bytes),
            fetch_timeout_s=min(TIMEOUT_S, self.settings.fetch_timeout_s),
        )


def preview_routes(previews: Previews) -> list[Route]:
    """`POST /video/{operation}/preview?at=SECONDS&clip=SECONDS`, the pipeline's too."""

    async def show(request: Request) -> Response:
        preview = await previews.made(request, request.path_params["operation"])
        headers = {"Cache-Control": "no-store", "X-Preview-At": f"{preview.at_s:.3f}"}
        return Response(preview.content, media_type=preview.media_type, headers=headers)

    return [Route("/video/{operation}/preview", show, methods=["POST"])]


async def _made(job: JobRequest, wanted: Wanted, machine: Machine, folder: Path) -> Preview:
    prepared = await prepare(job, base=folder, machine=machine, folder=folder)
    clip = prepared.clip
    at_s = clip.duration_s / 2 if wanted.at_s is None else wanted.at_s
    if wanted.clip_s is None:
        cut, output, name, media_type = cut_to_frame(clip, at_s), _FRAME, "frame.png", "image/png"
    else:
        at_s = 0.0 if wanted.at_s is None else at_s
        cut = cut_to_stretch(clip, at_s, wanted.clip_s, max_height=CLIP_HEIGHT)
        output, name, media_type = _CLIP, "clip.mp4", "video/mp4"
    part = replace(prepared, clip=cut)
    plan = await asyncio.to_thread(part.compiled, machine.target("cpu"), output)
    rendered = await execute(plan, folder / name, machine=machine, folder=folder)
    return Preview(await asyncio.to_thread(rendered.path.read_bytes), media_type, at_s)


def _seconds(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"must be a time in seconds from 0 on, not {text[:40]!r}.", where=name)
    return value
