"""Dry runs and previews, with the FFmpeg of this machine."""

from __future__ import annotations

from functools import cache

from starlette.routing import Route

from apigpu_runtime.execute import Machine
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.dry_runs.dry_run import DryRuns, dry_run_routes
from apigpu_runtime.proxy.dry_runs.preview import Previews, preview_routes
from apigpu_runtime.settings import Settings


def planning_routes(reader: BodyReader, settings: Settings, *, default_target: str = "auto") -> list[Route]:
    """`POST /video/{operation}/dry-run` and `/preview`. FFmpeg is looked for when it is first needed.

    `settings` must trust the addresses of the server's own files, or uploads cannot be looked at.
    """

    @cache  # a failure is not remembered: FFmpeg may be installed meanwhile
    def machine() -> Machine:
        return Machine.found(settings)

    return [
        *dry_run_routes(DryRuns(reader=reader, machine=machine, settings=settings, default_target=default_target)),
        *preview_routes(Previews(reader=reader, machine=machine, settings=settings)),
    ]
