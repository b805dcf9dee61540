"""From what ran to the words of the envelope."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apigpu.errors import ApiGpuError, FFmpegError, PluginError, SetupError
from apigpu.plan.model import Plan
from apigpu_runtime.envelope import Failure, OutputFile, Ran, Timings
from apigpu_runtime.rendering import Outcome
from apigpu_runtime.storage.content_types import content_type_of
from apigpu_runtime.worker.progress import Stages


def output_file(outcome: Outcome) -> OutputFile:
    """The facts of the rendered file; reads all of it for the digest."""
    rendered = outcome.rendered
    output = rendered.plan.output
    return OutputFile(
        content_type=content_type_of(rendered.path.name),
        size_bytes=rendered.size_bytes,
        sha256=_sha256(rendered.path),
        duration_s=output.duration_s,
        width=output.width,
        height=output.height,
        frame_rate=output.frame_rate,
        frames=rendered.result.frames or output.frames,
    )


def ran(outcome: Outcome, redacted: Callable[[str], str]) -> Ran:
    plan = outcome.rendered.plan
    return Ran(
        rung=outcome.rung,
        reasons=list(map(redacted, outcome.reasons)),
        target=plan.target,
        device=plan.device,
        ffmpeg=plan.ffmpeg,
        decoders=list(outcome.decoders),
        filters={domain: list(names) for domain, names in outcome.filters.items()},
        encoder=plan.output.video,
        audio_encoder=plan.output.audio,
    )


def timings(stages: Stages) -> Timings:
    return Timings(
        fetch_s=stages.seconds("fetch"),
        probe_s=stages.seconds("probe"),
        gpu_wait_s=stages.seconds("wait"),
        render_s=stages.seconds("render"),
        upload_s=stages.seconds("upload"),
        total_s=stages.total_s,
    )


def uses_gpu(plan: Plan) -> bool:
    """Whether any part of the card works in it."""
    on_card = any(node.domain == "cuda" for node in plan.nodes)
    return on_card or plan.output.video.endswith("_nvenc") or any("NVDEC" in name for name in plan.decoders)


def cost_usd(spent: Timings, usd_per_s: float | None) -> float | None:
    """The machine's price for the job; while it waited, the machine worked for another."""
    return round((spent.total_s - spent.gpu_wait_s) * usd_per_s, 6) if usd_per_s else None


def failure_of(error: ApiGpuError, **more: Any) -> Failure:
    """The failure that an error of any kind stands for, with whose fault it is and whether another try may help."""
    match error:
        case FFmpegError():
            told: dict[str, Any] = {"retryable": error.fault == "machine"}
        case SetupError():
            told = {"fault": "machine", "retryable": True}
        case PluginError():
            told = {"fault": "plugin"}
        case _:
            told = {"retryable": bool(getattr(error, "retryable", False))}
    return Failure.of(error, **(told | more))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
