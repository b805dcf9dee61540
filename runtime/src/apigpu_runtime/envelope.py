"""What comes back from a worker: a result that proves what ran, or a failure that says what to do.

Both are plain JSON of a few kB; files travel by the store. `ENVELOPE_VERSION` rises when a field changes its meaning
or goes; new fields may come without.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from apigpu.errors import ApiGpuError, FFmpegError, InputError
from apigpu.plan.model import PlanWarning

ENVELOPE_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class OutputFile(_Part):
    """A file that was delivered."""

    key: str = ""
    """Its name in the store; empty where the worker delivered elsewhere."""
    url: str = ""
    """Where it can be had, if the worker knows."""
    content_type: str
    size_bytes: int
    sha256: str
    duration_s: float
    width: int = 0
    height: int = 0
    frame_rate: str = ""
    """Frames a second as a fraction."""
    frames: int = 0


class Ran(_Part):
    """What did the work."""

    rung: str
    """The step of the ladder: `cuda+nvdec+nvenc`, ..., `cpu`."""
    reasons: list[str] = []
    """Why no higher rung ran."""
    target: str
    device: str = ""
    ffmpeg: str
    decoders: list[str] = []
    filters: dict[str, list[str]] = {}
    """FFmpeg's filters by the memory that their frames lived in: system, cuda."""
    encoder: str = ""
    audio_encoder: str = ""


class Timings(_Part):
    """Seconds on the clock, by stage. `queue_s` is filled in by the proxy, since a worker cannot know it."""

    queue_s: float | None = None
    fetch_s: float = 0.0
    probe_s: float = 0.0
    gpu_wait_s: float = 0.0
    """Waiting for the job before to leave the GPU."""
    render_s: float = 0.0
    upload_s: float = 0.0
    total_s: float = 0.0


class WorkerFacts(_Part):
    """Who did it."""

    id: str = ""
    version: str = ""
    digest: str = ""


class Result(_Part):
    """A finished job. A dry run has a `plan` and no outputs."""

    version: int = ENVELOPE_VERSION
    job_id: str = ""
    operation: str
    """The operation's name, or those of a pipeline joined by ` -> `."""
    dry_run: bool = False
    outputs: list[OutputFile] = []
    plan: dict[str, JsonValue] | None = None
    ran: Ran | None = None
    timings: Timings = Timings()
    realtime_factor: float | None = None
    """Seconds of result made in a second of rendering."""
    cpu_s: float = 0.0
    """CPU seconds of FFmpeg."""
    gpu_s: float = 0.0
    """Seconds that the GPU was held; 0 where none was used."""
    cost_usd: float | None = None
    """Price of the machine's time for this job, without start-up and idle time; None where no price is known."""
    warnings: list[PlanWarning] = []
    worker: WorkerFacts = WorkerFacts()


class Failure(_Part):
    """A job that failed, classified. `code` is a stable word, `message` a sentence, `remedy` what to do."""

    version: int = ENVELOPE_VERSION
    code: str
    message: str
    where: str = ""
    remedy: str = ""
    fault: Literal["user", "machine", "plugin", "unknown"] = "unknown"
    retryable: bool = False
    """The same job may work later or elsewhere."""
    job_id: str = ""
    operation: str = ""
    argv: list[str] = []
    exit_code: int | None = None
    stderr_head: str = Field("", description="First 4 kB of FFmpeg's messages.")
    stderr_tail: str = Field("", description="Last 4 kB.")
    worker: WorkerFacts = WorkerFacts()

    @classmethod
    def of(cls, error: ApiGpuError, **more: Any) -> Failure:
        """The failure that an error stands for."""
        facts: dict[str, Any] = {
            "code": error.code,
            "message": error.message,
            "where": error.where,
            "remedy": error.remedy.strip(),
            "fault": "user" if isinstance(error, InputError) else "unknown",
        }
        if isinstance(error, FFmpegError):
            facts |= {
                "fault": error.fault,
                "argv": list(error.argv),
                "exit_code": error.exit_code,
                "stderr_head": error.stderr_head,
                "stderr_tail": error.stderr_tail,
            }
        return cls(**(facts | more))


Stage = Literal["fetch", "probe", "wait", "render", "upload"]


class ProgressReport(_Part):
    """How far a job is, as a worker posts it while it works: RunPod shows it as the `output` of a running job."""

    stage: Stage
    fraction: float | None = None
    """0 to 1 of the whole job, never going back; None where it cannot be told."""
    frame: int = 0
    fps: float | None = None
    speed: float | None = None
    """Seconds of result per second."""
    eta_s: float | None = None


def progress_output(report: ProgressReport) -> dict[str, Any]:
    """What a worker posts."""
    return {"progress": report.model_dump(mode="json", exclude_none=True)}


def read_progress(output: object) -> ProgressReport | None:
    """The report in the output of a running job, if it is one."""
    if isinstance(output, dict) and isinstance(output.get("progress"), dict):
        try:
            return ProgressReport.model_validate(output["progress"])
        except ValueError:
            return None
    return None


def read_result(output: object) -> Result | None:
    """The result in the output of a finished job, if it is one of ours."""
    if not isinstance(output, dict) or "operation" not in output or "version" not in output:
        return None
    try:
        return Result.model_validate(output)
    except ValueError:
        return None


def read_failure(error: object) -> Failure | None:
    """The failure in the `error` of a failed job, if it is one of ours: RunPod passes it on as JSON text."""
    try:
        return Failure.model_validate_json(error) if isinstance(error, str) else Failure.model_validate(error)
    except ValueError:
        return None
