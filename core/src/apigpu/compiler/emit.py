"""Pass 5, emit: the verified graph as FFmpeg's arguments and the small files it reads. Deterministic."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from apigpu.compiler.connect import Concrete
from apigpu.compiler.inputs import shift_options
from apigpu.ffmpeg.serialize import FilterText, InputText, arguments
from apigpu.formats import Domain
from apigpu.graph import Asset, AssetFolder, Call, FileInput, Pad, Value

OUTPUT = "OUTPUT"
"""Stands for the output path in the arguments of a plan, since the runner decides where a result goes."""


@dataclass(frozen=True)
class Emitted:
    """FFmpeg's arguments without the program, and the files to lay in its working folder before it starts."""

    arguments: tuple[str, ...]
    files: Mapping[str, bytes]


def emit(graph: Concrete, options: Mapping[str, str], version: tuple[int, int, int]) -> Emitted:
    """The command line of FFmpeg `version` for a graph. `options` stand before the output, without their dash."""
    calls = graph.calls()
    inputs = graph.inputs()
    assets = _Assets()
    number = {id(item): index for items in (inputs, calls) for index, item in enumerate(items)}

    def source(pad: Pad) -> tuple[str, int, int]:
        kind = "input" if isinstance(pad.origin, FileInput) else "filter"
        return kind, number[id(pad.origin)], pad.index

    texts = [
        InputText("file:" + item.file.path, _flags(item.options + shift_options(item, graph.used(item), version)))
        for item in inputs
    ]
    filters = [_filter_text(call, [source(pad) for pad in call.inputs], assets) for call in calls]
    maps = [source(pad) for pad in (graph.video, graph.audio) if pad is not None]
    body = arguments(texts, filters, maps, OUTPUT, _flags(tuple(options.items())))
    if version < (6, 0, 0):
        body = _without_copied_rotation(body, filters)
    return Emitted((*_globals(graph), *body), assets.files)


def text_of(value: Value, assets: _Assets | None = None) -> str:
    """An option's value as FFmpeg reads it, before escaping."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)
    if isinstance(value, Asset | AssetFolder):
        return assets.path(value) if assets is not None else value.name
    return str(value)


def _globals(graph: Concrete) -> Sequence[str]:
    # In front of everything: ffmpeg-python would put them behind the output, where they are ignored.
    start = ["-hide_banner", "-nostdin", "-y"]
    if graph.device is Domain.CUDA:
        start += ["-init_hw_device", "cuda=cu:0", "-filter_hw_device", "cu"]
    return start


def _without_copied_rotation(body: list[str], filters: Sequence[FilterText]) -> list[str]:
    """FFmpeg 5 copies a file's rotation to the output of a graph that has turned the picture, but only where the
    graph has a single input (seen in 5.1.9). So the picture is given to a second one, which swallows it."""
    used = {source for item in filters for source in item.sources if source[0] == "input"}
    if len(used) != 1 or not any(item.name == "sidedata" for item in filters):
        return body
    (_, number, stream) = used.pop()
    graph = body.index("-filter_complex") + 1
    return [*body[:graph], f"[{number}:{stream}]nullsink;{body[graph]}", *body[graph + 1 :]]


def _flags(options: Sequence[tuple[str, str]]) -> dict[str, str | None]:
    return {name: value or None for name, value in options}


def _filter_text(call: Call, sources: Sequence[tuple[str, int, int]], assets: _Assets) -> FilterText:
    options = {name: text_of(value, assets) for name, value in call.options}
    return FilterText(call.name, options, sources)


class _Assets:
    """Names for the files of a graph: safe in a filter string and on a disk, the same every time."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._paths: dict[Asset | AssetFolder, str] = {}

    def path(self, value: Asset | AssetFolder) -> str:
        """Where FFmpeg finds it, from its working folder; equal assets are one file."""
        if value not in self._paths:
            self._paths[value] = self._add(value)
        return self._paths[value]

    def _add(self, value: Asset | AssetFolder) -> str:
        name = f"{len(self._paths)}-{_safe(value.name)}"
        if isinstance(value, Asset):
            self.files[name] = value.content
        else:
            self.files.update({f"{name}/{_safe(item.name)}": item.content for item in value.files})
        return name


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", name).lstrip(".-") or "asset"
