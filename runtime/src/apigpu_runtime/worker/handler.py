"""The one handler of all operations: from a RunPod job to its envelope."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from apigpu.errors import ApiGpuError
from apigpu.ffmpeg.progress import Progress
from apigpu.formats import Domain
from apigpu.registry import Registry
from apigpu.targets.ladder import rungs
from apigpu.targets.target import Target
from apigpu_runtime.digest import operations_digest
from apigpu_runtime.envelope import Failure, Result, WorkerFacts
from apigpu_runtime.execute import Prepared, prepare, work_folder
from apigpu_runtime.job import PIPELINE, Control, Job, read_job
from apigpu_runtime.remote import refuse_local_paths
from apigpu_runtime.rendering import Outcome, render
from apigpu_runtime.settings import Settings
from apigpu_runtime.validation import validate_model
from apigpu_runtime.worker import results
from apigpu_runtime.worker.destination import Destination, destination_of
from apigpu_runtime.worker.fitness import Equipment, examined
from apigpu_runtime.worker.progress import Stages, reported
from apigpu_runtime.worker.redact import Redactor, secrets_of
from apigpu_runtime.worker.returns import WorkerError

_ABOUT_TO_END_S = 10.0

Log = Callable[[str, str, str | None], None]
PostProgress = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class JobHandler:
    """Renders jobs on this machine. They fetch and deliver side by side; one at a time renders."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        *,
        worker_id: str,
        log: Log,
        post_progress: PostProgress,
        leave: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._log = log
        self._post_progress = post_progress
        self._leave = leave
        self.is_broken = False
        """The card has given out, and this worker must have one."""
        self._facts = WorkerFacts(id=worker_id, version=version("apigpu-runtime"), digest=operations_digest(registry))
        self._redactor = Redactor([*secrets_of(settings.environ), settings.webhook_secret, settings.runpod_api_key])
        self._gpu = asyncio.Semaphore(1)
        self._room = asyncio.Event()
        self._equipment: Equipment | None = None

    def renders(self) -> None:
        """This machine is examined. Raises SetupError where it should not take jobs."""
        self._equipment = examined(self._settings, self._registry)
        target = self._equipment.target
        self._log("INFO", f"apigpu {self._facts.version} renders {', '.join(self._registry.operations)}", None)
        self._log("INFO", f"on {rungs(target)[0].name}, {target.device}, {target.ffmpeg}", None)
        for lack in target.lacks:
            self._log("WARN", lack.sentence, None)

    async def room(self) -> None:
        """Returns when the render that runs is about to end.

        Early enough to fetch the next job's media meanwhile, and late enough that the job does not wait here while
        another worker idles.
        """
        await self._room.wait()

    async def handle(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The envelope of the finished job as plain data. Raises ApiGpuError."""
        self._room.clear()
        control = _control_of(job)
        log = partial(self._say, "INFO", job_id=job["id"], control=control)
        self._check_digest(control, job["input"])
        checked = read_job(self._registry, job["input"])
        refuse_local_paths(checked.request)
        log(f"{checked.request.title}{', dry run' if checked.dry_run else ''}")
        result = await (self._planned(job["id"], checked) if checked.dry_run else self._done(job["id"], checked, log))
        return result.model_dump(mode="json")

    def failure(self, job: Mapping[str, Any], error: ApiGpuError) -> Failure:
        """The failure to send, without secrets; the log has it too."""
        document = job.get("input")
        told = document if isinstance(document, Mapping) else {}
        operation, inner = told.get("operation"), told.get("apigpu")
        job_id = inner.get("job_id") if isinstance(inner, Mapping) else ""
        failure = results.failure_of(
            error,
            job_id=job_id if isinstance(job_id, str) else "",
            operation=operation[:100] if isinstance(operation, str) else "",
            worker=self._facts,
        )
        failure = self._redactor.knowing(document).failure(failure)
        where = f"{failure.where}: " if failure.where else ""
        self._log("ERROR", f"{_request_id(inner)}failed ({failure.code}): {where}{failure.message}", job["id"])
        if failure.stderr_head:
            self._log("ERROR", f"{_request_id(inner)}FFmpeg said: {failure.stderr_head}", job["id"])
        return failure

    def redacted(self, text: str) -> str:
        return self._redactor.text(text)

    def _check_digest(self, control: Control, document: Mapping[str, Any]) -> None:
        ours = self._facts.digest
        if control.digest and control.digest != ours:
            known, operation = {PIPELINE, *self._registry.operations}, document.get("operation")
            lacks = f" It has no {operation[:100]}." if isinstance(operation, str) and operation not in known else ""
            raise WorkerError(
                f"this worker has other operations (digest {ours}, version {self._facts.version}) than the proxy "
                f"that sent the job (digest {control.digest}).{lacks}",
                code="version_skew",
                remedy="Deploy the same release and the same plugins on both; the job may be sent again then.",
                retryable=True,
            )

    async def _planned(self, job_id: str, job: Job) -> Result:
        stages = Stages()
        async with reported(stages, partial(self._post_progress, job_id)):
            with work_folder(self._settings) as folder:
                prepared = await self._prepared(job, folder, stages)
                plan = prepared.compiled(self._target_rung(), job.output)
        return self._result(job, stages, dry_run=True, plan=plan.model_dump(mode="json"), warnings=plan.warnings)

    async def _done(self, job_id: str, job: Job, log: Callable[[str], None]) -> Result:
        destination = destination_of(job.control, job_id, self._settings)
        if before := await destination.before():
            log("done before, so nothing is rendered")
            return before
        stages = Stages()
        async with reported(stages, partial(self._post_progress, job_id)):
            with work_folder(self._settings) as folder:
                prepared = await self._prepared(job, folder, stages)
                prepared.compiled(self._target_rung(), job.output)  # what cannot be built fails before it waits
                outcome = await self._rendered(job, prepared, folder, stages)
                plan = outcome.rendered.plan
                log(f"rendered on {outcome.rung}, {plan.device}, FFmpeg {plan.ffmpeg}")
                self._look_at_card()
                stages.enter("upload")
                result = await self._delivered(job, outcome, destination, stages)
        log(f"delivered, {result.timings.total_s:g} s in all")
        return result

    async def _prepared(self, job: Job, folder: Path, stages: Stages) -> Prepared:
        machine = self._machine().machine
        return await prepare(job.request, base=folder, machine=machine, folder=folder, on_stage=stages.enter)

    async def _rendered(self, job: Job, prepared: Prepared, folder: Path, stages: Stages) -> Outcome:
        equipment = self._machine()
        stages.enter("wait")

        def on_progress(progress: Progress) -> None:
            stages.rendering(progress)
            if progress.eta_s is not None and progress.eta_s <= _ABOUT_TO_END_S:
                self._room.set()

        async with self._gpu:
            stages.enter("render")
            self._room.clear()
            try:
                return await render(
                    prepared,
                    equipment.target,
                    folder / f"result.{job.output.container}",
                    wanted=job.output,
                    machine=equipment.machine,
                    folder=folder,
                    on_progress=on_progress,
                )
            finally:
                self._room.set()

    async def _delivered(self, job: Job, outcome: Outcome, destination: Destination, stages: Stages) -> Result:
        rendered = outcome.rendered
        file = await asyncio.to_thread(results.output_file, outcome)
        name = job.request.steps[0].operation.name if len(job.request.steps) == 1 else "pipeline"
        file = await destination.put(rendered.path, file, f"{name}.{job.output.container}")
        spent = results.timings(stages)
        result = self._result(
            job,
            stages,
            outputs=[file],
            ran=results.ran(outcome, self.redacted),
            realtime_factor=round(file.duration_s / rendered.result.wall_s, 3) if rendered.result.wall_s else None,
            cpu_s=round(rendered.cpu_s, 3),
            gpu_s=spent.render_s if results.uses_gpu(rendered.plan) else 0.0,
            cost_usd=results.cost_usd(spent, self._settings.usd_per_s or self._machine().target.usd_per_s),
            warnings=rendered.plan.warnings,
        )
        await destination.finish(result)
        return result

    def _result(self, job: Job, stages: Stages, **more: Any) -> Result:
        return Result(
            job_id=job.control.job_id,
            operation=job.request.title,
            timings=results.timings(stages),
            worker=self._facts,
            **more,
        )

    def _look_at_card(self) -> None:
        """A worker that is paid for its card, and has lost it for good, makes room for another."""
        if self._settings.target == "cuda" and Domain.CUDA not in self._target_rung().domains and not self.is_broken:
            self.is_broken = True
            self._leave("The card has given out")

    def _machine(self) -> Equipment:
        assert self._equipment is not None, "the SDK runs the fitness checks first"
        return self._equipment

    def _target_rung(self) -> Target:
        equipment = self._machine()
        return equipment.machine.setbacks.first_rung(equipment.target)[0].target

    def _say(self, level: str, message: str, *, job_id: str, control: Control) -> None:
        self._log(level, self.redacted(_request_id({"request_id": control.request_id}) + message), job_id)


def _control_of(job: Mapping[str, Any]) -> Control:
    """Read first: what the rest means depends on the release that wrote it."""
    document = job.get("input")
    control = document.get("apigpu", {}) if isinstance(document, Mapping) else {}
    return validate_model(Control, control, where="apigpu")


def _request_id(control: object) -> str:
    """How a line of the log begins, where the job has a request's id."""
    found = control.get("request_id") if isinstance(control, Mapping) else None
    return f"[{found}] " if isinstance(found, str) and found.isprintable() and 0 < len(found) <= 128 else ""
