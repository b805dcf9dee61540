"""The run of the checks: doctor, then each case on the card as planned and without loss, and on the processor."""

from __future__ import annotations

import asyncio
import io
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apigpu.compiler import OutputSpec, compile_clip
from apigpu.errors import ApiGpuError, FFmpegError
from apigpu.formats import Domain
from apigpu.plan import Plan
from apigpu.registry import Registry
from apigpu.targets.presets import named_target
from apigpu.targets.target import Target
from apigpu_runtime.cli import main as apigpu
from apigpu_runtime.execute import Machine, Prepared, Rendered, execute, prepare
from gpu_check.cases import CASES, OWN, Case, Size, make_media
from gpu_check.compare import Likeness, likeness, lossless
from gpu_check.device import Device, Load
from gpu_check.verdicts import Check, alike, carried_as_planned, decoded_as_planned, same_but_for_pixels
from softgpu.equipment import Trace


@dataclass(frozen=True)
class Measured:
    """One case on both. `graph` is about the card's filters alone, `encoded` about the whole result."""

    case: str
    checks: tuple[Check, ...]
    plan: Plan | None = None
    graph: Likeness | None = None
    encoded: Likeness | None = None
    card_fps: float = 0.0
    cpu_fps: float = 0.0
    load: Load | None = None
    trace: Trace | None = None


@dataclass(frozen=True)
class Results:
    """Everything that was found out, in order."""

    machine: Machine
    device: Device
    size: Size
    target: Target
    findings: Sequence[Mapping[str, Any]]
    able: tuple[Check, ...]
    cases: tuple[Measured, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        return (*self.able, *(check for case in self.cases for check in case.checks))

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)


def doctor() -> Sequence[Mapping[str, Any]]:
    """The findings of `apigpu doctor --json`."""
    said = io.StringIO()
    with redirect_stdout(said):
        apigpu(["doctor", "--json"])
    findings: Sequence[Mapping[str, Any]] = json.loads(said.getvalue())["findings"]
    return findings


def check_everything(machine: Machine, device: Device, size: Size, folder: Path) -> Results:
    """Doctor, and every case where there are CUDA frames at all. Raises SetupError where no video can be made."""
    registry = Registry.discover()
    findings = doctor()
    target = machine.target("auto")
    has_cuda = Domain.CUDA in target.domains
    able = (
        Check("doctor: this machine can render", all(item["ok"] is not False for item in findings)),
        Check("doctor: filters run on the card", has_cuda, "" if has_cuda else " ".join(target.reasons)),
    )
    cases: tuple[Measured, ...] = ()
    if has_cuda:
        make_media(folder, size, machine.binaries.ffmpeg)
        bench = Bench(machine, device, size, target, Registry({**registry.operations, **OWN}), folder)
        cases = tuple(bench.measured(case) for case in CASES)
    return Results(machine, device, size, target, findings, able, cases)


@dataclass(frozen=True)
class Bench:
    """Where cases are rendered: a machine with its card, and the folder with the media."""

    machine: Machine
    device: Device
    size: Size
    target: Target
    registry: Registry
    folder: Path

    def measured(self, case: Case) -> Measured:
        """Never raises for what is under check: a render that fails is a check that failed."""
        work = self.folder / case.name.replace(", ", "-")
        work.mkdir()
        try:
            found = self._measured(case, work)
        except ApiGpuError as error:
            found = Measured(case.name, (Check("renders", False, _told(error)),))
        return replace(found, checks=tuple(replace(item, name=f"{case.name}: {item.name}") for item in found.checks))

    def _measured(self, case: Case, work: Path) -> Measured:
        request = case.request(self.registry, self.size)
        prepared = asyncio.run(prepare(request, base=self.folder, machine=self.machine, folder=work))
        plan = _plan(prepared, self.target)
        with self.device.traced(work / "trace"):
            card = self._rendered(plan, work / "card.mp4")
        trace = self.device.trace(work / "trace")
        on_cpu = _plan(prepared, named_target("cpu", self.machine.capabilities))
        reference = self._rendered(lossless(on_cpu), work / "reference.mp4").path
        same = same_but_for_pixels(plan, card.path, reference, self.machine.binaries)
        encoded = None
        if all(check.passed for check in same) and plan.output.video != "copy":
            encoded = likeness(card.path, reference, self.machine.binaries)
        graph = self._graph(prepared, plan, work, reference, encoded) if encoded else None
        checks = (
            Check("renders", True),
            *same,
            *alike(case.least_db, graph, encoded),
            *decoded_as_planned(card, trace),
            *carried_as_planned(plan, trace),
        )
        return replace(self._timed(plan, on_cpu, work), case=case.name, checks=checks, plan=plan,
                       graph=graph, encoded=encoded, trace=trace)  # fmt: skip

    def _graph(
        self, prepared: Prepared, plan: Plan, work: Path, reference: Path, encoded: Likeness
    ) -> Likeness | None:
        """What the card does before the encoder: the graph for a card that has none, encoded without loss."""
        if not any(node.domain != Domain.SYSTEM and node.kind != "encode" for node in plan.nodes):
            return None
        if self.device.is_software and plan.output.video.endswith("_nvenc"):
            return encoded  # this encoder loses nothing
        encoders = tuple(name for name in self.target.encoders if not name.endswith("_nvenc"))
        plan = lossless(_plan(prepared, replace(self.target, encoders=encoders)))
        return likeness(self._rendered(plan, work / "graph.mp4").path, reference, self.machine.binaries)

    def _timed(self, plan: Plan, on_cpu: Plan, work: Path) -> Measured:
        """Speeds and load, on a real card, which has its kernels compiled by now."""
        if self.device.is_software:
            return Measured("", ())
        with self.device.watched() as load:
            card = self._rendered(plan, work / "card.mp4")
        cpu = self._rendered(on_cpu, work / "cpu.mp4")
        return Measured("", (), card_fps=_fps(card), cpu_fps=_fps(cpu), load=load)

    def _rendered(self, plan: Plan, output: Path) -> Rendered:
        return asyncio.run(execute(plan, output, machine=self.machine, folder=output.parent))


def _plan(prepared: Prepared, target: Target) -> Plan:
    return compile_clip(prepared.clip, target, output=OutputSpec("mp4"), warnings=prepared.warnings)


def _fps(run: Rendered) -> float:
    """Frames a second on the clock, FFmpeg's start included."""
    return run.plan.output.frames / run.result.wall_s if run.result.wall_s else math.inf


def _told(error: ApiGpuError) -> str:
    if not isinstance(error, FFmpegError):
        return error.message
    lines = (error.stderr_tail or error.stderr_head).strip().splitlines()
    return " ".join([error.message, *lines[:1]])
