"""The one door to ffmpeg-python: a graph of filter calls in, command-line arguments out.

ffmpeg-python gives the DAG, the labels and the escaping (82 hostile names opened by FFmpeg 5.1 and 9.0). Its
traps are kept here: nodes compared by value, so that two equal filters would become one; no source filters;
global arguments after the output; positional filter arguments escaped twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import ffmpeg
from ffmpeg.nodes import FilterableStream, FilterNode, Node


@dataclass(frozen=True)
class InputText:
    """One `-i`: its path, and the options before it."""

    path: str
    options: Mapping[str, str | None]


@dataclass(frozen=True)
class FilterText:
    """One filter: its name, its options as text, and where its inputs come from.

    A source is `("input", file number, stream)` or `("filter", filter number, output)`.
    """

    name: str
    options: Mapping[str, str]
    sources: Sequence[tuple[str, int, int]]


def arguments(
    inputs: Sequence[InputText],
    filters: Sequence[FilterText],
    maps: Sequence[tuple[str, int, int]],
    output: str,
    options: Mapping[str, str | None],
) -> list[str]:
    """FFmpeg's arguments from the first `-i` to the output path; `filters` in an order where inputs come first."""
    files = [ffmpeg.input(item.path, **item.options) for item in inputs]
    nodes: list[Any] = []

    def stream(source: tuple[str, int, int]) -> Any:
        kind, number, index = source
        return files[number][str(index)] if kind == "input" else nodes[number].stream(index)

    serial = itertools.count()
    for item in filters:
        streams = [stream(source) for source in item.sources]
        nodes.append(_Filter(streams, item.name, dict(item.options), next(serial)))
    result = ffmpeg.output(*(stream(source) for source in maps), output, **options)
    return cast("list[str]", result.get_args())


class _Filter(FilterNode):  # type: ignore[misc]
    """A filter that is itself and not its value, and that may have no inputs."""

    def __init__(self, streams: Sequence[Any], name: str, options: dict[str, str], serial: int) -> None:
        self._serial = serial
        Node.__init__(
            self,
            stream_spec=list(streams),
            name=name,
            incoming_stream_types={FilterableStream},
            outgoing_stream_type=FilterableStream,
            min_inputs=0,
            max_inputs=None,
            kwargs=options,
        )

    def __hash__(self) -> int:
        return hash((_Filter, self._serial))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __lt__(self, other: Any) -> bool:
        return self._serial < cast(int, getattr(other, "_serial", -1))
