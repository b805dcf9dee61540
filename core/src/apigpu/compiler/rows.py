"""The choices that placement has: for each video node, the rows in which it can run on a target."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from apigpu.compiler.encoders import Encoder
from apigpu.formats import Domain, Home, VideoFormat
from apigpu.graph import (
    Call,
    FileInput,
    Fragment,
    ImageSource,
    Implementation,
    Node,
    Pad,
    VideoFilter,
    VideoSource,
)
from apigpu.media.facts import MediaFile, VideoFacts
from apigpu.targets.target import Target

_DECODE_NS = 3.5
_NVDEC_NS = 0.05
_NVDEC_LAYOUTS = {
    "yuv420p": "nv12",
    "yuvj420p": "nv12",
    "yuv420p10le": "p010le",
}
_NOWHERE = FileInput(MediaFile(path="", format="", size_bytes=0))


@dataclass(frozen=True)
class Row:
    """One way to run a node: the homes it takes its inputs from, the home of its result, the cost a second."""

    inputs: tuple[Home, ...]
    output: Home
    cost_ns_per_s: float
    implementation: Implementation | None = None
    by: str = ""
    """What runs it, for messages: a decoder, an encoder, or the first FFmpeg filter."""


@dataclass(frozen=True)
class Exclusion:
    """An implementation that this target cannot run, and why."""

    node: Node
    implementation: Implementation
    by: str
    reason: str


def rows_of(node: Node, target: Target, pix_fmts: frozenset[str]) -> tuple[list[Row], list[Exclusion]]:
    """The rows of a node, preferred first, with those implementations that the target lacks.

    `pix_fmts` are the layouts that occur in this graph: long lists of accepted formats are cut down to them.
    """
    if isinstance(node.operator, VideoSource):
        return _source_rows(node.operator.stream, _video(node), target), []
    if isinstance(node.operator, ImageSource):
        return [Row((), Home(Domain.SYSTEM, _video(node).pix_fmt), 0.0, by="decode")], []
    assert isinstance(node.operator, VideoFilter)
    rows: list[Row] = []
    excluded: list[Exclusion] = []
    implementations = node.operator.implementations(*node.video_inputs())
    for item in implementations:
        # The only implementation is checked when the whole graph is verified; building it twice costs time.
        checked = len(implementations) > 1 or item.domain is not Domain.SYSTEM
        calls = _calls(item, len(node.inputs)) if checked else []
        reason = _lacking(item, calls, target)
        by = calls[0].name.split("@")[0] if calls else node.operator.label
        if reason:
            excluded.append(Exclusion(node, item, by, reason))
        else:
            rows += expand(item, len(node.inputs), pix_fmts, by)
    return rows, excluded


def sink_rows(encoder: Encoder, picture: VideoFormat, target: Target) -> list[Row]:
    """The homes that the encoder takes frames from on this target."""
    cost = encoder.ns_per_pixel * picture.pixels_per_s
    return [Row((home,), home, cost, by=encoder.name) for home in encoder.accepts if home.domain in target.domains]


def formats_in(nodes: Iterable[Node], encoder: Encoder) -> frozenset[str]:
    """The pixel formats that this graph's sources bear, that filters produce by name, and that the encoder takes."""
    found = {home.pix_fmt for home in encoder.accepts}
    for node in nodes:
        found.add(_video(node).pix_fmt)
        if isinstance(node.operator, VideoSource):
            found.add(_NVDEC_LAYOUTS.get(node.operator.stream.pix_fmt, "nv12"))
        elif isinstance(node.operator, VideoFilter):
            for item in node.operator.implementations(*node.video_inputs()):
                found.update({item.produces} if item.produces else ())
                found.update(accepted[0] for accepted in item.accepts if len(accepted) <= 4)
    return frozenset(found)


def expand(item: Implementation, inputs: int, pix_fmts: frozenset[str], by: str) -> Iterator[Row]:
    """A row for every combination of accepted formats; one list for all pads means the same format on all."""
    lists = [_relevant(accepted, pix_fmts) for accepted in item.accepts]
    combinations: Iterable[Sequence[str]]
    combinations = ([name] * inputs for name in lists[0]) if len(lists) == 1 else itertools.product(*lists)
    for names in combinations:
        produced = item.produces or (names[0] if names else "yuv420p")
        homes = tuple(Home(item.domain, name) for name in names)
        yield Row(homes, Home(item.domain, produced), item.cost_ns_per_s, item, by)


def _relevant(accepted: tuple[str, ...], pix_fmts: frozenset[str]) -> tuple[str, ...]:
    kept = tuple(name for name in accepted if name in pix_fmts)
    return kept or accepted[:1]


def _source_rows(stream: VideoFacts, picture: VideoFormat, target: Target) -> list[Row]:
    pixels_per_s = picture.pixels_per_s
    rows = [Row((), Home(Domain.SYSTEM, stream.pix_fmt), _DECODE_NS * pixels_per_s, by=stream.codec)]
    layout = _NVDEC_LAYOUTS.get(stream.pix_fmt)
    if Domain.CUDA not in target.domains or stream.codec not in target.decoders or layout is None:
        return rows
    if layout == "p010le" and stream.codec == "h264":
        return rows  # no NVDEC before Blackwell decodes 10-bit H.264
    return [*rows, Row((), Home(Domain.CUDA, layout), _NVDEC_NS * pixels_per_s, by=f"{stream.codec} (NVDEC)")]


def _calls(item: Implementation, inputs: int) -> list[Call]:
    """The calls that an implementation would write, in order, over inputs that are nowhere."""
    pad = item.build(Fragment("probe"), *(Pad(_NOWHERE, number) for number in range(inputs)))
    found: dict[int, Call] = {}

    def visit(origin: Call | FileInput) -> None:
        if isinstance(origin, Call) and id(origin) not in found:
            for given in origin.inputs:
                visit(given.origin)
            found[id(origin)] = origin

    visit(pad.origin)
    return list(found.values())


def _lacking(item: Implementation, calls: Sequence[Call], target: Target) -> str:
    """Why the target cannot run these calls; empty where it can."""
    if item.domain not in target.domains:
        return f"{target.name} has no {item.domain} frames"
    for call in calls:
        name = call.name.split("@")[0]
        options = target.capabilities.filter_options(name)
        if options is None:
            return f"{target.ffmpeg} has no filter {name}"
        unknown = [option for option, _ in call.options if option not in options]
        if unknown:
            return f"{name} has no option {unknown[0]} in {target.ffmpeg}"
    return ""


def _video(node: Node) -> VideoFormat:
    assert isinstance(node.format, VideoFormat)
    return node.format
