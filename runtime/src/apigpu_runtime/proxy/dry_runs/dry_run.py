"""Dry runs: what a job would do, from facts that the caller tells or that a little of each file gives away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu.compiler import OutputSpec
from apigpu.errors import InputError, SetupError
from apigpu.media.facts import MediaFile
from apigpu.media.fields import MediaKind, MediaRef
from apigpu.media.limits import Limits
from apigpu.media.probe import probe, read_text
from apigpu.plan import Plan, render_argv, render_dot, render_mermaid, render_text
from apigpu.registry import UrlResolver
from apigpu.targets.presets import named_target
from apigpu.targets.target import Target
from apigpu_runtime.execute import Machine, build, work_folder
from apigpu_runtime.fetch import at, bounded
from apigpu_runtime.guard import guarded_client
from apigpu_runtime.job import PIPELINE, job_request, split_options
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.dry_runs.assumed_ffmpeg import assumed_capabilities
from apigpu_runtime.proxy.dry_runs.dry_run_documents import DryRun
from apigpu_runtime.proxy.dry_runs.facts import told_files
from apigpu_runtime.proxy.dry_runs.facts_echo import facts_of
from apigpu_runtime.proxy.dry_runs.gate import Gate
from apigpu_runtime.proxy.dry_runs.peeking import PORTIONS, peek
from apigpu_runtime.proxy.refusals import Refusal
from apigpu_runtime.request import JobRequest
from apigpu_runtime.resolving import direct_urls
from apigpu_runtime.settings import Settings

TIMEOUT_S = 30.0
_TEXT_WIDTH = 120

Found = TypeVar("Found")


class Facts(BaseModel):
    """What a dry run's body has beside the request."""

    facts: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class DryRuns:
    """Makes plans on this machine's CPU, two at once. `machine` finds the FFmpeg here, or raises SetupError.

    `default_target` is the machine that a request plans for if it names none.
    """

    reader: BodyReader
    machine: Callable[[], Machine]
    settings: Settings
    default_target: str = "auto"
    gate: Gate = field(default_factory=lambda: Gate("dry run", at_once=4, waiting=16, timeout_s=TIMEOUT_S))
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "dry-run"))

    async def run(self, request: Request, name: str) -> DryRun:
        """The answer to a request for an operation, or for `pipeline`. Raises InputError and its like."""
        operation = None if name == PIPELINE else self.reader.registry.get(name)
        async with AsyncExitStack() as uploads:
            document = await self.reader.read(request, operation, beside=Facts, until=uploads)
            return await self._run(request, name, document)

    async def _run(self, request: Request, name: str, document: dict[str, Any]) -> DryRun:
        told = document.pop("facts", {})
        fields, options = split_options(document)
        job = job_request(self.reader.registry, name, fields)
        target_name = request.query_params.get("target") or self.default_target
        async with self.gate.passed():
            return await self._planned(job, told_files(told, job.refs()), options.output.spec(), target_name)

    async def _planned(
        self, job: JobRequest, told: Mapping[MediaRef, MediaFile | bytes], output: OutputSpec, target_name: str
    ) -> DryRun:
        machine = await self._machine()
        missing = [ref for ref in job.refs() if ref not in told]
        if missing and machine is None:
            raise _facts_needed(missing)
        fetched = await self._fetched(missing, machine, job.resolvers) if machine is not None else {}
        known = {**fetched, **told}
        target = await self._in_thread(partial(_target, target_name, machine))
        plan = await self._in_thread(partial(_plan, job, known, target, output))
        return _document(job, known, told, plan)

    async def _machine(self) -> Machine | None:
        """This machine; None where it has no FFmpeg that can be used."""
        try:
            return await self._in_thread(self.machine)
        except SetupError:
            return None

    async def _fetched(
        self, refs: list[MediaRef], machine: Machine, resolvers: Sequence[UrlResolver]
    ) -> dict[MediaRef, MediaFile | bytes]:
        direct, _ = direct_urls(refs, resolvers)
        with work_folder(self.settings) as folder:
            async with guarded_client(trusted_urls=self.settings.trusted_urls, follow_redirects=True) as client:

                async def look(ref: MediaRef) -> MediaFile | bytes:
                    path = folder / f"peek-{refs.index(ref)}"
                    with at(ref.where):
                        is_whole = await peek(client, direct.get(ref.url, ref.url), path, PORTIONS[ref.kind])
                        with _excused(is_whole):
                            return await _looked_at(path, ref.kind, machine, folder)

                return await bounded(dict.fromkeys(refs), look)

    async def _in_thread(self, work: Callable[[], Found]) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def dry_run_routes(dry_runs: DryRuns) -> list[Route]:
    """`POST /video/{operation}/dry-run`, the pipeline's too."""

    async def run(request: Request) -> Response:
        document = await dry_runs.run(request, request.path_params["operation"])
        return Response(
            document.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"}
        )

    return [Route("/video/{operation}/dry-run", run, methods=["POST"])]


@contextmanager
def _excused(is_whole: bool) -> Iterator[None]:
    """What is wrong with a file of which only a part was fetched may be the missing part."""
    try:
        yield
    except InputError as error:
        if is_whole:
            raise
        raise InputError(
            "the file is large, and the parts of it that were fetched do not tell what it is.",
            code="cannot_peek",
            where=error.where,
            remedy="Send `facts` of it, or serve it where ranges can be fetched.",
        ) from error


async def _looked_at(path: Path, kind: MediaKind, machine: Machine, folder: Path) -> MediaFile | bytes:
    if kind is MediaKind.SUBTITLE:
        return await asyncio.to_thread(read_text, path, Limits())
    return await probe(path, kind, binaries=machine.binaries, workdir=folder)


def _target(name: str, machine: Machine | None) -> Target:
    if machine is not None:
        return machine.target(name)
    if name in {"auto", "cuda"}:
        # What is assumed of the worker has no name for this machine's own hardware.
        name = "cpu" if name == "auto" else "l4"
    return named_target(name, assumed_capabilities())


def _plan(job: JobRequest, known: Mapping[MediaRef, MediaFile | bytes], target: Target, output: OutputSpec) -> Plan:
    looked: dict[tuple[str, MediaKind], MediaFile | bytes] = {}
    for ref in job.refs():
        file = known[ref]
        named = replace(file, path=_placeholder(ref)) if isinstance(file, MediaFile) else file
        looked.setdefault((ref.url, ref.kind), named)
    return build(job, looked, files={}).compiled(target, output)


def _placeholder(ref: MediaRef) -> str:
    """The place in the request stands for the file, in commands that nobody runs."""
    return ref.where


def _document(
    job: JobRequest,
    known: Mapping[MediaRef, MediaFile | bytes],
    told: Mapping[MediaRef, MediaFile | bytes],
    plan: Plan,
) -> DryRun:
    facts = {ref.where: facts_of(file, ref.kind) for ref, file in known.items()}
    return DryRun(
        operation=job.title,
        target=plan.target,
        facts_from={ref.where: "request" if ref in told else "fetched" for ref in job.refs()},
        facts={where: found for where, found in facts.items() if found is not None},
        plan=plan,
        text=render_text(plan, width=_TEXT_WIDTH),
        command=render_argv(plan).rstrip("\n"),
        argv=plan.argv(),
        mermaid=render_mermaid(plan),
        dot=render_dot(plan),
    )


def _facts_needed(missing: list[MediaRef]) -> Refusal:
    places = [ref.where for ref in missing]
    return Refusal(
        503,
        f"this server has no FFmpeg to look at {', '.join(places[:5])} with.",
        code="facts_needed",
        where=places[0] if len(places) == 1 else "",
        remedy=f'Send what is known of it as `facts`, such as {{"{places[0]}": ...}}; /docs tells what it takes.',
    )
