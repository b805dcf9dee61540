"""What is asked of a machine before it may take jobs: that it can render, and has room to."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from apigpu.errors import SetupError
from apigpu.registry import Registry
from apigpu.targets.target import Target
from apigpu_runtime.execute import Machine
from apigpu_runtime.leftovers import sweep
from apigpu_runtime.settings import Settings

MIN_FREE_BYTES = 1 << 30


@dataclass(frozen=True)
class Equipment:
    """This machine, and the target that its renders have."""

    machine: Machine
    target: Target


def examined(settings: Settings, registry: Registry) -> Equipment:
    """The machine, by real runs of FFmpeg where no earlier run's answers are kept, or CUDA is required.

    Raises SetupError where it should not take jobs: without a usable FFmpeg, without CUDA where APIGPU_TARGET is
    `cuda`, without an encoder, an operation, or room.
    """
    machine = Machine.found(settings)
    if settings.target == "cuda":
        machine.detected(fresh=True)
    target = machine.target(settings.target)
    if not target.encoders:
        raise SetupError("no encoder works here.", code="no_encoder", remedy="Install an FFmpeg with libx264.")
    if not registry.operations:
        raise SetupError("no operation is installed.", code="no_operations", remedy="Install apigpu-caption.")
    _check_room(settings)
    return Equipment(machine, target)


def _check_room(settings: Settings) -> None:
    folder = settings.work_dir or Path(gettempdir())
    sweep(folder)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < MIN_FREE_BYTES:
        raise SetupError(
            f"only {free_bytes / 1e9:.2f} GB are free in {folder}.",
            code="work_folder_full",
            remedy="Make room, or name another folder in APIGPU_WORK_DIR.",
        )
