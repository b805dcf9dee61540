"""Progress of one job: stages, a fraction that never goes back, and one sender that keeps the order.

The SDK's own `progress_update` starts a thread for each report: they arrive in any order, and some after the result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from apigpu.ffmpeg.progress import Progress
from apigpu_runtime.envelope import ProgressReport, Stage, progress_output

Post = Callable[[Mapping[str, Any]], Awaitable[None]]

_PERIOD_S = 1.0
_POST_TIMEOUT_S = 5.0
_BEGINS: Mapping[Stage, float] = {"fetch": 0.0, "probe": 0.1, "wait": 0.13, "render": 0.13, "upload": 0.95}
"""How much of a whole job is done when a stage begins."""


class Stages:
    """Where a job is, how long it was in each stage, and what to report of it."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.report = ProgressReport(stage="fetch", fraction=0.0)
        self._seconds: dict[Stage, float] = {}
        self._stage: Stage | None = None
        self._begun = self._entered = time.monotonic()

    def enter(self, stage: Stage) -> None:
        """The job is in that stage from now on."""
        self._count()
        self._stage = stage
        self._tell(ProgressReport(stage=stage, fraction=_BEGINS[stage]))

    def rendering(self, progress: Progress) -> None:
        """What FFmpeg says; a second try on a lower rung begins at 0 again, and the fraction waits for it."""
        share = _BEGINS["upload"] - _BEGINS["render"]
        fraction = None if progress.fraction is None else _BEGINS["render"] + share * progress.fraction
        self._tell(
            ProgressReport(
                stage="render",
                fraction=fraction,
                frame=progress.frame,
                fps=progress.fps,
                speed=progress.speed,
                eta_s=progress.eta_s,
            )
        )

    def seconds(self, stage: Stage) -> float:
        self._count()
        return round(self._seconds.get(stage, 0.0), 3)

    @property
    def total_s(self) -> float:
        return round(time.monotonic() - self._begun, 3)

    def _count(self) -> None:
        now = time.monotonic()
        if self._stage is not None:
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._entered
        self._entered = now

    def _tell(self, report: ProgressReport) -> None:
        fraction = max(report.fraction or 0.0, self.report.fraction or 0.0)
        self.report = report.model_copy(update={"fraction": round(fraction, 4)})
        self.changed.set()


@asynccontextmanager
async def reported(stages: Stages, post: Post) -> AsyncIterator[None]:
    """While the block lasts, changes are posted, about one a second; afterwards no post is on its way."""
    sender = asyncio.create_task(_send(stages, post))
    try:
        yield
    finally:
        sender.cancel()
        await asyncio.wait({sender})


async def _send(stages: Stages, post: Post) -> None:
    while True:
        await stages.changed.wait()
        stages.changed.clear()
        posting = asyncio.create_task(_posted(post, progress_output(stages.report)))
        try:
            await asyncio.shield(posting)
        except asyncio.CancelledError:
            # Under way: broken off, it might still be read by the server, after the result. It takes 5 s at most.
            await asyncio.wait({posting})
            raise
        await asyncio.sleep(_PERIOD_S)


async def _posted(post: Post, output: Mapping[str, Any]) -> None:
    """Progress is a courtesy: whatever happens to it, the job goes on."""
    with suppress(Exception):
        async with asyncio.timeout(_POST_TIMEOUT_S):
            await post(output)
