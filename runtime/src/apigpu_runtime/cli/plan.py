"""`apigpu plan`: what FFmpeg would run, and where every frame would live."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from shutil import get_terminal_size

from apigpu.compiler.output import OutputSpec
from apigpu.errors import InputError
from apigpu.plan.model import Plan
from apigpu.targets.target import Target
from apigpu_runtime.cli.arguments import Job
from apigpu_runtime.cli.job_options import add_encoding, add_target, job_from, output_spec
from apigpu_runtime.execute import Machine, prepare, work_folder, write_assets
from apigpu_runtime.interrupts import run_until_done
from apigpu_runtime.settings import Settings

FORMATS = ("text", "json", "argv", "mermaid", "dot")


def run(words: Sequence[str]) -> int:
    """Print the plan in the format asked for."""
    job = job_from("plan", words, _add_options)
    wanted = output_spec(job.options, "mp4")
    machine = Machine.found(Settings.from_environment(guarded=False))
    plan = run_until_done(_plan(job, wanted, machine, machine.target(job.options.target)))
    print(_renderings()[job.options.format](plan).rstrip("\n"))
    return 0


def _add_options(group: argparse._ActionsContainer) -> None:
    add_target(group)
    add_encoding(group)
    group.add_argument(
        "--format",
        default="text",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"How to print it: {', '.join(FORMATS)}. [default text]",
    )
    group.add_argument("--json", action="store_const", const="json", dest="format", help="As --format json.")
    group.add_argument(
        "--assets", type=Path, metavar="DIR", help="Write the files that the command line reads into this folder."
    )


async def _plan(job: Job, wanted: OutputSpec, machine: Machine, target: Target) -> Plan:
    if job.options.assets is None:
        with work_folder(machine.settings) as folder:
            prepared = await prepare(job.request, base=job.base, machine=machine, folder=folder)
            return prepared.compiled(target, wanted)
    folder = job.options.assets.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        prepared = await prepare(job.request, base=job.base, machine=machine, folder=folder)
        plan = prepared.compiled(target, wanted)
        write_assets(plan, folder)
    except OSError as error:
        raise InputError(f"nothing can be written in {folder}: {error.strerror}.", where="assets") from None
    return plan


def _renderings() -> Mapping[str, Callable[[Plan], str]]:
    from apigpu.plan import render_argv, render_dot, render_json, render_mermaid, render_text

    return {
        "text": partial(render_text, width=get_terminal_size((120, 24)).columns),
        "json": render_json,
        "argv": render_argv,
        "mermaid": render_mermaid,
        "dot": render_dot,
    }
