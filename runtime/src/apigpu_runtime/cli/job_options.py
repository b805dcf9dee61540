"""Options that several commands share, and the way from the command line to a prepared job."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from apigpu.compiler.encoders import CODECS
from apigpu.compiler.output import OutputSpec
from apigpu.compiler.quality import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY
from apigpu.errors import InputError
from apigpu.registry import Registry
from apigpu_runtime.cli.app import COMMANDS
from apigpu_runtime.cli.arguments import AddOptions, Job, parse_job

TARGETS_HELP = (
    "Machine to plan for: auto (this one), cuda (this one, and CUDA must work), cpu, t4, l4, rtx4090, a100 or h100. "
    "[default auto]"
)


def job_from(command: str, words: Sequence[str], add_options: AddOptions) -> Job:
    """The job that the words describe, with every plugin's operation at hand."""
    return parse_job(command, words, Registry.discover(), COMMANDS[command], add_options)


def add_target(group: argparse._ActionsContainer) -> None:
    group.add_argument("--target", default="auto", metavar="NAME", help=TARGETS_HELP)


def add_encoding(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--codec",
        metavar="NAME",
        help=f"Codec of the picture: {', '.join(CODECS)}. [default: {CODECS[0]}, or a copy if nothing is done to it]",
    )
    group.add_argument(
        "--quality",
        metavar="NUMBER",
        default=str(DEFAULT_QUALITY),
        help=f"Of the picture, {MIN_QUALITY} to {MAX_QUALITY}, higher is better. [default {DEFAULT_QUALITY}]",
    )


def output_spec(options: argparse.Namespace, container: str) -> OutputSpec:
    """What the options of `add_encoding` ask for. Raises InputError."""
    try:
        quality = int(options.quality)
    except ValueError:
        raise InputError(
            f"must be a whole number, not {options.quality!r}.", code="invalid_quality", where="quality"
        ) from None
    return OutputSpec(container, options.codec, quality)


def add_json(group: argparse._ActionsContainer, what: str) -> None:
    group.add_argument("--json", action="store_true", help=what)


def add_output(group: argparse._ActionsContainer, metavar: str, what: str) -> None:
    group.add_argument("-o", "--output", required=True, type=Path, metavar=metavar, help=what)


def inputs_of(job: Job, files: Sequence[Path]) -> list[Path]:
    """Every file that the output must not overwrite."""
    return [*files, *([job.document] if job.document else [])]
