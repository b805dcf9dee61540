"""`apigpu worker`, from the environment to the last job."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from types import FrameType
from urllib.parse import urlsplit

from apigpu.errors import SetupError
from apigpu.registry import Registry
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage.open import open_storage
from apigpu_runtime.trust import Trust
from apigpu_runtime.worker.handler import JobHandler
from apigpu_runtime.worker.loop import Stopping
from apigpu_runtime.worker.queue import GET_JOB, queue_environment, trusted_files
from apigpu_runtime.worker.returns import guarded
from apigpu_runtime.worker.sdk import Sdk


def run_worker(settings: Settings, *, join: str | None = None, token: str = "") -> int:
    """Take jobs from RunPod, or from the plane at `join`, until SIGTERM; 1 where the card has given out instead.

    Raises InputError where there is no queue, SetupError where the SDK is not installed. A machine that cannot
    render ends the process with status 1.
    """
    signal.signal(signal.SIGTERM, _leave)  # as process 1 of a container, it would otherwise be deaf to it
    _check(settings)
    environ = queue_environment(settings.environ, join=join, token=token)
    if join is not None:
        settings = replace(settings, trusted_urls=(*settings.trusted_urls, trusted_files(join)))
    try:
        sdk = Sdk(environ)
    except ModuleNotFoundError as error:
        raise SetupError(
            f"RunPod's SDK cannot be imported ({error.name} is missing).",
            code="no_sdk",
            remedy="Install it: pip install 'apigpu-runtime[worker]'.",
        ) from error
    sdk.log("INFO", f"Worker {sdk.worker_id} of {urlsplit(environ[GET_JOB]).hostname}")
    registry = Registry.discover()
    for broken in registry.failures:
        sdk.log("WARN", f"The plugin {broken.plugin} of {broken.distribution} failed to load: {broken.error}")
    handler = JobHandler(
        settings, registry, worker_id=sdk.worker_id, log=sdk.log, post_progress=sdk.post_progress, leave=sdk.leave
    )
    stopping = Stopping()

    def log(level: str, message: str, job_id: str | None) -> None:
        sdk.log(level, handler.redacted(message), job_id)

    call = guarded(handler.handle, fail=handler.failure, log=log, stopping=stopping)
    sdk.serve(call, checks=[handler.renders], stopping=stopping, room=handler.room)
    return 1 if handler.is_broken else 0


def _check(settings: Settings) -> None:
    """What is wrong with the settings is told before the first job and not by it."""
    Trust.of(settings.trusted_urls, ())
    if settings.storage:
        open_storage(settings)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
