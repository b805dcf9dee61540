"""`apigpu render`: make the video."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apigpu.compiler.output import OutputSpec
from apigpu.targets.target import Target
from apigpu_runtime.cli.arguments import Job
from apigpu_runtime.cli.job_options import (
    add_encoding,
    add_json,
    add_output,
    add_target,
    inputs_of,
    job_from,
    output_spec,
)
from apigpu_runtime.cli.terminal import shown_progress
from apigpu_runtime.execute import Machine, prepare, work_folder
from apigpu_runtime.interrupts import run_until_done
from apigpu_runtime.output_file import check_output, container_of
from apigpu_runtime.rendering import Outcome, render
from apigpu_runtime.settings import Settings


def run(words: Sequence[str]) -> int:
    """Render, and tell what ran and how fast."""
    job = job_from("render", words, _add_options)
    output = job.options.output.absolute()
    wanted = output_spec(job.options, container_of(output))
    check_output(output, [])
    machine = Machine.found(Settings.from_environment(guarded=False))
    # Before the event loop runs: detection waits for programs, and must give way to Ctrl-C.
    target = machine.target(job.options.target)
    outcome = run_until_done(_render(job, output, wanted, machine, target))
    print(json.dumps(document(outcome), indent=2) if job.options.json else summary(outcome))
    return 0


def _add_options(group: argparse._ActionsContainer) -> None:
    add_output(group, "FILE", "Where the video goes; the ending tells the container. [required]")
    add_target(group)
    group.add_argument(
        "--no-fallback", action="store_true", help="Fail where the target fails, instead of doing without the GPU."
    )
    add_encoding(group)
    add_json(group, "Print the result as JSON on stdout, and progress as JSON lines on stderr.")


async def _render(job: Job, output: Path, wanted: OutputSpec, machine: Machine, target: Target) -> Outcome:
    with work_folder(machine.settings) as folder:
        prepared = await prepare(job.request, base=job.base, machine=machine, folder=folder)
        check_output(output, inputs_of(job, list(prepared.files.values())))
        with shown_progress(job.request.title, as_json=job.options.json) as on_progress:
            return await render(
                prepared,
                target,
                output,
                wanted=wanted,
                machine=machine,
                folder=folder,
                on_progress=on_progress,
                has_fallback=not job.options.no_fallback,
            )


def document(outcome: Outcome) -> dict[str, Any]:
    """What machines are told of a finished render."""
    rendered = outcome.rendered
    plan, result = rendered.plan, rendered.result
    return {
        "output": str(rendered.path),
        "size_bytes": rendered.size_bytes,
        "duration_s": plan.duration_s,
        "frames": result.frames or plan.output.frames,
        "wall_s": result.wall_s,
        "cpu_s": rendered.cpu_s,
        "target": plan.target,
        "device": plan.device,
        "ffmpeg": plan.ffmpeg,
        "rung": outcome.rung,
        "reasons": list(outcome.reasons),
        "decoders": list(outcome.decoders),
        "filters": {domain: list(names) for domain, names in outcome.filters.items()},
        "encoder": plan.output.video,
        "audio_encoder": plan.output.audio,
        "warnings": [item.model_dump() for item in plan.warnings],
    }


def summary(outcome: Outcome) -> str:
    """What people are told of a finished render."""
    rendered = outcome.rendered
    plan, result = rendered.plan, rendered.result
    size = f"{rendered.size_bytes / 1e6:.2f} MB"
    realtime = f"{plan.duration_s / result.wall_s:.3g}x realtime, " if result.wall_s > 0 else ""
    lines = [
        f"{rendered.path}: {size}, {plan.duration_s:.2f} s, {plan.output.frames} frames",
        f"{realtime}{result.wall_s:.2f} s on the clock, {rendered.cpu_s:.2f} s of CPU",
        f"ran on {outcome.rung} ({plan.device}) with FFmpeg {plan.ffmpeg}: {_codecs(outcome)}",
    ]
    lines += [f"note: {reason}" for reason in outcome.reasons]
    lines += [f"warning: {item.message}" for item in plan.warnings]
    return "\n".join(lines)


def _codecs(outcome: Outcome) -> str:
    output = outcome.rendered.plan.output
    parts = [f"decoded {' and '.join(outcome.decoders)}"] if outcome.decoders else []
    parts += [f"{', '.join(names)} in {domain} memory" for domain, names in outcome.filters.items()]
    for kind, name in (("picture", output.video), ("sound", output.audio)):
        if name:
            parts.append(f"{kind} copied" if name == "copy" else f"{kind} by {name}")
    return ", ".join(parts)
