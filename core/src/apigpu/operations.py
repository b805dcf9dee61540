"""Operations: an input model, and a function that builds a graph from it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict

from apigpu.errors import PluginError
from apigpu.media.fields import main_media_field
from apigpu.media.handles import Media
from apigpu.streams import Clip

Build = Callable[[Any, Media], Clip]
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class Input(BaseModel):
    """Base of input models: strict types, no unknown fields, immutable.

    A misspelt option is an error rather than a silent default, and `false` is not a number.
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


@dataclass(frozen=True)
class Operation:
    """One operation. `build` is pure: it gets facts and handles, opens no connection and runs no FFmpeg."""

    name: str
    input: type[Input]
    build: Build
    summary: str
    distribution: str = field(default="", compare=False)
    version: str = field(default="", compare=False)

    @property
    def main_field(self) -> str | None:
        """The field that a pipeline binds to the step before; None for an operation that can only begin one."""
        return main_media_field(self.input)


def operation(name: str) -> Callable[[Build], Operation]:
    """Turn a function `build(request: SomeInput, media: Media) -> Clip` into the operation `name`.

    The first line of the docstring becomes the summary. Raises PluginError where name or signature are wrong.
    """
    if not _NAME.fullmatch(name):
        raise PluginError(
            f"{name!r} cannot name an operation.",
            remedy="Use up to 40 lower-case letters, digits and dashes, beginning with a letter.",
        )

    def decorate(build: Build) -> Operation:
        summary = (inspect.getdoc(build) or "").strip().split("\n")[0]
        if not summary:
            raise PluginError(
                f"operation {name} has no docstring.", remedy="Say in one line what it does: users will read it."
            )
        return Operation(name, _input_model(name, build), build, summary)

    return decorate


def _input_model(name: str, build: Build) -> type[Input]:
    parameters = list(inspect.signature(build).parameters)
    model = get_type_hints(build).get(parameters[0]) if len(parameters) == 2 else None
    if not (isinstance(model, type) and issubclass(model, Input)):
        raise PluginError(
            f"operation {name}: build must take (request: SomeInput, media: Media).",
            remedy="Annotate the first parameter with a subclass of apigpu.Input.",
        )
    return model
