"""The words of the wire: what a client asks for, and what stands in a RunPod job's `input`.

A request is an operation's own fields, and beside them a few that every operation has (`Options`). What a worker
needs and no client writes stands in `apigpu` (`Control`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from apigpu.compiler.output import OutputSpec
from apigpu.compiler.quality import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY
from apigpu.errors import InputError
from apigpu.registry import Registry
from apigpu_runtime.request import JobRequest, pipeline_request, single_request
from apigpu_runtime.validation import validate_model

PIPELINE = "pipeline"


class _Part(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Output(_Part):
    """What file is wanted."""

    container: Literal["mp4", "mov", "mkv"] = Field(
        "mp4", description="Format of the file that comes out.", examples=["mkv"]
    )
    codec: Literal["h264", "hevc", "av1"] | None = Field(
        None,
        description="Codec of the picture. Left out, a picture that nothing is done to is copied as it is, and any "
        "other becomes H.264.",
        examples=["hevc"],
    )
    quality: int = Field(
        DEFAULT_QUALITY, ge=MIN_QUALITY, le=MAX_QUALITY, description="1 to 100, higher is better.", examples=[85]
    )

    def spec(self) -> OutputSpec:
        """The same for the compiler. Raises InputError where the container does not take the codec."""
        return OutputSpec(self.container, self.codec, self.quality)


class Options(_Part):
    """What a request may say beside the operation's own fields."""

    output: Output = Field(default_factory=Output, description="What file is wanted.", examples=[{"quality": 85}])
    webhook_url: str | None = Field(
        None,
        min_length=8,
        max_length=2048,
        pattern=r"^https?://",
        description="Where to POST the finished or failed job, signed by Standard Webhooks. It is called exactly as "
        "written.",
        examples=["https://example.com/hooks/apigpu"],
    )


_NO_OPTIONS = Options()


class Signed(_Part):
    """An HTTP request that whoever holds it may make for a while. A secret: never logged."""

    method: Literal["GET", "PUT", "HEAD"]
    url: str = Field(repr=False)
    headers: dict[str, str] = Field(default_factory=dict, repr=False)


class Delivery(_Part):
    """Where a worker puts the result. The keys depend on the job alone, so that doing it twice changes nothing."""

    key: str
    """Of the video in the store, such as `jobs/JOB/caption.mp4`."""
    put: Signed
    head: Signed
    envelope_put: Signed
    """Takes the envelope as JSON, once the video is there. It is the proof that the job is done."""
    envelope_get: Signed


class Control(_Part):
    """What the proxy tells the worker. All of it may be left out: then the worker delivers where it is set up to."""

    job_id: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    """The proxy's name for the job: the same when it is submitted again."""
    request_id: str = Field("", pattern=r"^[\x21-\x7e]{0,128}$")
    digest: str = ""
    """`operations_digest` of the proxy; empty is not checked."""
    delivery: Delivery | None = None


@dataclass(frozen=True)
class Job:
    """A checked job, as a worker takes it."""

    request: JobRequest
    output: OutputSpec
    control: Control
    dry_run: bool = False


def split_options(document: Mapping[str, Any]) -> tuple[dict[str, Any], Options]:
    """A request's own fields, and the options that stood among them. Raises InputError."""
    fields = dict(document)
    given = {name: fields.pop(name) for name in Options.model_fields if name in fields}
    if not given:
        return fields, _NO_OPTIONS
    options = validate_model(Options, given)
    options.output.spec()
    return fields, options


def job_request(registry: Registry, operation: str, fields: Mapping[str, Any]) -> JobRequest:
    """The checked request of an operation, or of a pipeline. Raises InputError."""
    if operation == PIPELINE:
        return pipeline_request(registry, fields)
    return single_request(registry.get(operation), fields, resolvers=registry.resolvers)


def job_input(
    operation: str,
    fields: Mapping[str, Any],
    *,
    output: Output | None = None,
    control: Control | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """What stands in a RunPod job's `input`; `read_job` is its other end."""
    document: dict[str, Any] = {"operation": operation, **fields}
    if output is not None:
        document["output"] = output.model_dump(mode="json")
    if dry_run:
        document["dry_run"] = True
    if control is not None:
        document["apigpu"] = control.model_dump(mode="json")
    return document


def read_job(registry: Registry, document: object) -> Job:
    """The job in a RunPod job's `input`. Raises InputError."""
    if not isinstance(document, Mapping) or not isinstance(document.get("operation"), str):
        raise InputError(
            'the input of a job is an object with the name of its "operation".',
            where="operation",
            remedy=f"There are: {', '.join([*registry.operations, PIPELINE])}.",
        )
    fields = {str(key): value for key, value in document.items()}
    operation = fields.pop("operation")
    control = validate_model(Control, fields.pop("apigpu", {}), where="apigpu")
    dry_run = fields.pop("dry_run", False)
    if not isinstance(dry_run, bool):
        raise InputError("must be true or false.", where="dry_run")
    fields, options = split_options(fields)
    return Job(job_request(registry, operation, fields), options.output.spec(), control, dry_run)
