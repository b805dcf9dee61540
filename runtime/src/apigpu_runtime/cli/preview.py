"""`apigpu preview`: one real frame of the result, through the same graph, on the CPU."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from apigpu.compiler.cut import cut_to_frame
from apigpu.errors import InputError
from apigpu_runtime.cli.arguments import Job
from apigpu_runtime.cli.job_options import add_json, add_output, inputs_of, job_from
from apigpu_runtime.execute import Machine, Rendered, execute, prepare, work_folder
from apigpu_runtime.interrupts import run_until_done
from apigpu_runtime.output_file import check_output, container_of
from apigpu_runtime.settings import Settings


def run(words: Sequence[str]) -> int:
    """Make the frame, and tell where it is."""
    job = job_from("preview", words, _add_options)
    output = job.options.output.absolute()
    container = container_of(output, still=True)
    at_s = _moment(job.options.at)
    check_output(output, [])
    machine = Machine.found(Settings.from_environment(guarded=False))
    rendered = run_until_done(_preview(job, output, container, machine, at_s))
    if job.options.json:
        print(json.dumps(_document(rendered), indent=2))
    else:
        made = rendered.plan.output
        print(f"{rendered.path}: {made.width}x{made.height}, {rendered.result.wall_s:.2f} s")
        for item in rendered.plan.warnings:
            print(f"warning: {item.message}")
    return 0


def _add_options(group: argparse._ActionsContainer) -> None:
    add_output(group, "FRAME.png", "Where the picture goes. [required]")
    group.add_argument("--at", metavar="SECONDS", help="Moment of the frame. [default: the middle]")
    add_json(group, "Print the result as JSON on stdout.")


async def _preview(job: Job, output: Path, container: str, machine: Machine, at_s: float | None) -> Rendered:
    with work_folder(machine.settings) as folder:
        prepared = await prepare(job.request, base=job.base, machine=machine, folder=folder)
        check_output(output, inputs_of(job, list(prepared.files.values())))
        moment_s = prepared.clip.duration_s / 2 if at_s is None else at_s
        frame = replace(prepared, clip=cut_to_frame(prepared.clip, moment_s))
        plan = frame.compiled(machine.target("cpu"), container)
        return await execute(plan, output, machine=machine, folder=folder)


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"must be a time in seconds from 0 on, not {text!r}.", where="at")
    return value


def _document(rendered: Rendered) -> dict[str, object]:
    output = rendered.plan.output
    return {
        "output": str(rendered.path),
        "size_bytes": rendered.size_bytes,
        "width": output.width,
        "height": output.height,
        "wall_s": rendered.result.wall_s,
        "cpu_s": rendered.cpu_s,
        "warnings": [item.model_dump() for item in rendered.plan.warnings],
    }
