"""One render on the best rung of the ladder that works, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apigpu.compiler import OutputSpec
from apigpu.errors import FFmpegError
from apigpu.ffmpeg.progress import OnProgress
from apigpu.plan.model import Plan
from apigpu.targets.ladder import Setback, refused_by_nvdec, rungs, step_down
from apigpu.targets.target import Lack, Target
from apigpu_runtime.execute import Machine, Prepared, Rendered, execute


@dataclass(frozen=True)
class Outcome:
    """A finished render, the rung that it ran on, and why on none above."""

    rendered: Rendered
    rung: str
    reasons: tuple[str, ...] = ()

    @property
    def decoders(self) -> tuple[str, ...]:
        """How each input stream was decoded, such as `h264 (NVDEC)`: not always as the plan had it."""
        refused = refused_by_nvdec(self.rendered.result.log)
        return tuple(
            f"{codec} (CPU, refused by NVDEC)" if where and codec in refused else decoder
            for decoder in self.rendered.plan.decoders
            for codec, where, _ in [decoder.partition(" (NVDEC)")]
        )

    @property
    def filters(self) -> Mapping[str, tuple[str, ...]]:
        """The FFmpeg filters that ran, by the memory that their frames live in."""
        return filters_by_domain(self.rendered.plan)


def filters_by_domain(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The FFmpeg filters of a plan, each once, by the memory that their frames live in."""
    found: dict[str, dict[str, None]] = {}
    for node in plan.nodes:
        if node.filters:
            found.setdefault(node.domain, {}).update(dict.fromkeys(node.filters))
    return {domain: tuple(names) for domain, names in found.items()}


async def render(
    prepared: Prepared,
    target: Target,
    output: Path,
    *,
    wanted: OutputSpec | str,
    machine: Machine,
    folder: Path,
    on_progress: OnProgress | None = None,
    has_fallback: bool = True,
) -> Outcome:
    """Make `output` on the highest rung that works, each from the start; it appears whole or not at all.

    What fails because of the machine is remembered in `machine.setbacks` once a lower rung has made it. Without
    `has_fallback` only the top is tried.

    Raises FFmpegError of the last rung tried; InputError, UnsupportedError and GraphError as compiling does.
    """
    rung, known = machine.setbacks.first_rung(target) if has_fallback else (rungs(target)[0], ())
    fresh: list[Setback] = []
    while True:
        try:
            plan = prepared.compiled(rung.target, wanted)
            rendered = await execute(plan, output, machine=machine, folder=folder, on_progress=on_progress)
        except FFmpegError as error:
            lower = step_down(target, rung, error) if has_fallback else None
            if lower is None:
                raise
            rung, setback = lower
            fresh.append(setback)
            continue
        machine.setbacks.learn(fresh)
        return Outcome(rendered, rung.name, _reasons(target, known, fresh, rendered))


def _reasons(target: Target, known: tuple[Setback, ...], fresh: list[Setback], rendered: Rendered) -> tuple[str, ...]:
    plan = rendered.plan
    told = [lack.sentence for lack in target.lacks if _concerns(lack, plan)]
    told += [one.reason for one in (*known, *fresh)]
    refused = refused_by_nvdec(rendered.result.log)
    told += [f"NVDEC refused this {codec} video, so it was decoded on the CPU." for codec in refused]
    return tuple(dict.fromkeys(told))


def _concerns(lack: Lack, plan: Plan) -> bool:
    """Whether the plan would be another one without this lack."""
    match lack.what:
        case "nvdec":
            return bool(plan.decoders if not lack.names else set(lack.names) & set(plan.decoders))
        case "nvenc":
            return plan.output.video not in {"", "copy"} and not plan.output.video.endswith("_nvenc")
    return True
