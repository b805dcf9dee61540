"""A form while it comes in: texts and files by path, and at last the object that they are together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.bodies.field_types import annotation_at, media_fields, media_kind
from apigpu_runtime.proxy.bodies.form_fields import MAX_FIELDS, Path, assembled, converted
from apigpu_runtime.proxy.bodies.json_body import parse_object
from apigpu_runtime.proxy.refusals import malformed

WHOLE: Path = ("request",)
"""The field that holds a whole JSON object, into which the others are put."""

Model = type[BaseModel]


@dataclass
class Form:
    """Fields for an operation, or without one for a pipeline. `beside` has fields of the route's own."""

    registry: Registry
    operation: Operation | None
    beside: Model | None = None
    texts: dict[Path, str] = field(default_factory=dict)
    files: dict[Path, str] = field(default_factory=dict)

    def add_text(self, path: Path, text: str) -> None:
        self.check_free(path)
        self.texts[path] = text

    def add_file(self, path: Path, url: str) -> None:
        self.check_free(path)
        self.files[path] = url

    def check_free(self, path: Path) -> None:
        """Raises Refusal (400) for a path that is taken, or one too many."""
        if path in self.texts or path in self.files:
            raise malformed("is there twice.", code="duplicate_field", where=".".join(path))
        if len(self.texts) + len(self.files) >= MAX_FIELDS:
            raise malformed(f"the request has more than {MAX_FIELDS} fields.", code="too_many_fields")

    def check_takes_file(self, path: Path) -> None:
        """Raises Refusal (400) where a file comes for a field that is known to take none.

        In a pipeline that is known once the step's operation is.
        """
        if self.operation is not None:
            self._check_is_media(path, {})

    def assembled(self) -> dict[str, Any]:
        """The object. Raises Refusal (400) where fields contradict each other."""
        base = parse_object(self.texts.pop(WHOLE).encode(), where=WHOLE[0]) if WHOLE in self.texts else {}
        for path in self.files:
            self._check_is_media(path, base)
        # A form sends a field that was left empty as an empty text.
        values = {path: self._converted(path, text, base) for path, text in self.texts.items() if text}
        return assembled(base, {**values, **self.files})

    def _converted(self, path: Path, text: str, base: Mapping[str, Any]) -> Any:
        roots, below = self._roots(path, base)
        return converted(text, below, roots)

    def _check_is_media(self, path: Path, base: Mapping[str, Any]) -> None:
        roots, below = self._roots(path, base)
        annotations = (annotation_at(root, below) for root in roots)
        if not any(media_kind(found) for found in annotations if found is not None):
            known = ", ".join(media_fields(self.operation)) if self.operation else ""
            remedy = f"Files go to: {known}." if known else ""
            raise malformed("takes no file.", code="no_file_here", where=".".join(path), remedy=remedy)

    def _roots(self, path: Path, base: Mapping[str, Any]) -> tuple[Sequence[Model], Path]:
        """The models that may have the field, and its path below them; each step of a pipeline has its own."""
        extra: list[Model] = [Options, self.beside] if self.beside else [Options]
        if self.operation is not None:
            return [self.operation.input, *extra], path
        if path[0] == "steps" and len(path) > 2:
            operation = self.registry.operations.get(self._operation_of_step(path[1], base))
            return [operation.input] if operation else [], path[2:]
        return extra, path

    def _operation_of_step(self, number: str, base: Mapping[str, Any]) -> str:
        named = self.texts.get(("steps", number, "operation"))
        if named is not None:
            return named
        steps = base.get("steps")
        is_item = isinstance(steps, list) and number.isdecimal() and int(number) < len(steps)
        step = steps[int(number)] if isinstance(steps, list) and is_item else None
        return str(step.get("operation", "")) if isinstance(step, dict) else ""
