"""What is asked for: one operation with its fields, or a pipeline. Checked; nothing fetched yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apigpu.errors import InputError
from apigpu.media.fields import PREVIOUS, MediaRef, media_refs
from apigpu.operations import Input, Operation
from apigpu.registry import Registry, UrlResolver
from apigpu_runtime.validation import validate_request

MAX_STEPS = 20


@dataclass(frozen=True)
class Step:
    """One operation with its checked fields. `where` is empty, or the place in a pipeline (`steps.1`)."""

    operation: Operation
    request: Input
    where: str = ""

    def refs(self) -> tuple[MediaRef, ...]:
        """The media addresses that must be fetched, named as the user wrote them."""
        found = tuple(ref for ref in media_refs(self.request) if ref.url != PREVIOUS)
        if not self.where:
            return found
        return tuple(MediaRef(f"{self.where}.{ref.where}", ref.kind, ref.url) for ref in found)


@dataclass(frozen=True)
class JobRequest:
    """A checked request: one step, or several that become one graph."""

    steps: tuple[Step, ...]
    resolvers: tuple[UrlResolver, ...] = ()
    """Who is asked where the file behind an address lies."""

    def refs(self) -> tuple[MediaRef, ...]:
        return tuple(ref for step in self.steps for ref in step.refs())

    @property
    def title(self) -> str:
        return " -> ".join(step.operation.name for step in self.steps)


def single_request(
    operation: Operation, fields: Mapping[str, Any], *, resolvers: tuple[UrlResolver, ...] = ()
) -> JobRequest:
    """A job of one operation. Raises InputError."""
    step = Step(operation, validate_request(operation, fields))
    _refuse_previous(step)
    return JobRequest((step,), resolvers)


def pipeline_request(registry: Registry, document: object) -> JobRequest:
    """The job of a pipeline document: `{"steps": [{"operation": ..., ...fields}, ...]}`.

    Steps after the first leave out their main media field, which is bound to the step before.
    Raises InputError that names the step and the field.
    """
    steps = _steps(document)
    return JobRequest(tuple(_step(registry, number, entry) for number, entry in enumerate(steps)), registry.resolvers)


def _steps(document: object) -> Sequence[object]:
    if not isinstance(document, Mapping) or "steps" not in document:
        raise _malformed('a pipeline is an object: {"steps": [{"operation": ..., ...fields}, ...]}.')
    unknown = [str(key) for key in document if key != "steps"]
    if unknown:
        raise _malformed(f'a pipeline has only "steps"; {", ".join(unknown)} cannot stand beside it.')
    steps = document["steps"]
    if not isinstance(steps, list) or not 1 <= len(steps) <= MAX_STEPS:
        raise _malformed(f"must be a list of 1 to {MAX_STEPS} steps.", where="steps")
    return steps


def _step(registry: Registry, number: int, entry: object) -> Step:
    where = f"steps.{number}"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("operation"), str):
        raise _malformed('a step is an object with the name of its "operation".', where=where)
    operation = _operation(registry, entry["operation"], where)
    fields = {str(key): value for key, value in entry.items() if key != "operation"}
    if number > 0:
        fields = _bound(operation, fields, where)
    step = Step(operation, validate_request(operation, fields, where=where), where)
    _refuse_previous(step, main_field=operation.main_field if number > 0 else None)
    return step


def _operation(registry: Registry, name: str, where: str) -> Operation:
    if name == "pipeline":
        raise _malformed(
            "a pipeline cannot be a step of a pipeline.",
            where=f"{where}.operation",
            remedy="Write its steps here instead.",
        )
    try:
        return registry.get(name)
    except InputError as error:
        error.where = f"{where}.operation"
        raise


def _bound(operation: Operation, fields: dict[str, Any], where: str) -> dict[str, Any]:
    """The fields with the main media field bound to the step before."""
    main = operation.main_field
    if main is None:
        raise _malformed(
            f"{operation.name} takes no video, so it can only be the first step.",
            where=where,
            remedy="Move it to the front, or into a run of its own.",
        )
    if main in fields:
        raise _malformed(
            "a later step works on the result of the step before.",
            where=f"{where}.{main}",
            remedy="Leave this field out.",
        )
    return {main: PREVIOUS, **fields}


def _refuse_previous(step: Step, *, main_field: str | None = None) -> None:
    """The word for the step before is the pipeline's own: nobody may write it anywhere else."""
    for ref in media_refs(step.request):
        if ref.url == PREVIOUS and ref.where != main_field:
            place = f"{step.where}.{ref.where}" if step.where else ref.where
            raise InputError("there is no step before to take this from.", where=place)


def _malformed(message: str, *, where: str = "", remedy: str = "") -> InputError:
    return InputError(message, code="invalid_pipeline", where=where, remedy=remedy)
