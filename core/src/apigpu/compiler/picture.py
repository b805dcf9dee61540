"""The nodes and links of a plan: the concrete graph, drawn together so that a person can take it in.

Neighbouring filters of the same piece of the graph in the same memory become one box; transfers stay visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

from apigpu.compiler.connect import Concrete
from apigpu.compiler.links import Link
from apigpu.compiler.specs import bytes_per_s
from apigpu.formats import Domain
from apigpu.graph import Call, FileInput, Pad
from apigpu.plan.model import PlanLink, PlanNode

_TRANSFERS = {"hwupload": "upload", "hwupload_cuda": "upload", "hwdownload": "download"}
_MOST_FILTERS = 3
_QUIET = frozenset({"split", "asplit", "format", "setsar", "settb", "setparams", "sidedata", "null"})


def draw(
    graph: Concrete, links: Mapping[Pad, Link], video: str, audio: str, container: str
) -> tuple[tuple[PlanNode, ...], tuple[PlanLink, ...]]:
    """Boxes and arrows. `video` and `audio` name the encoders, `copy` for a stream copy."""
    drawing = _Drawing(links)
    for item in graph.inputs():
        drawing.file(item)
    for call in graph.calls():
        drawing.call(call)
    if graph.video is not None:
        drawing.encode(graph.video, video, "video")
    if graph.audio is not None:
        drawing.encode(graph.audio, audio, "audio")
    return drawing.finish(container)


class _Drawing:
    def __init__(self, links: Mapping[Pad, Link]) -> None:
        self.links = links
        self.boxes: dict[str, PlanNode] = {}
        self.arrows: dict[tuple[str, str, int], PlanLink] = {}
        self._box_of: dict[int, str] = {}
        self._scope: dict[str, tuple[str, Domain]] = {}
        self._last: list[tuple[str, Literal["video", "audio"]]] = []

    def file(self, item: FileInput) -> None:
        label = PurePath(item.file.path).name
        self._box_of[id(item)] = self._add(PlanNode(id="", kind="input", label=label))

    def call(self, call: Call) -> None:
        name = call.name.split("@")[0]
        out = self.links.get(Pad(call, 0), Link())
        passes = bool(call.inputs) and all(self._link(pad).domain is out.domain for pad in call.inputs)
        if name in _TRANSFERS and not passes:
            kind = "upload" if _TRANSFERS[name] == "upload" else "download"
            box = self._add(PlanNode(id="", kind=kind, label=kind, domain=out.domain, owner=call.owner))
        else:
            box = self._group(call, name, out.domain)
        self._box_of[id(call)] = box
        for pad in call.inputs:
            self._arrow(self._box_of[id(pad.origin)], box, pad)

    def encode(self, pad: Pad, codec: str, kind: Literal["video", "audio"]) -> None:
        copied = codec == "copy"
        label = f"copy {kind}" if copied else codec
        on_gpu = Domain.CUDA if codec.endswith("_nvenc") else Domain.SYSTEM
        box = self._add(PlanNode(id="", kind="copy" if copied else "encode", label=label, domain=on_gpu))
        self._arrow(self._box_of[id(pad.origin)], box, pad, copied=copied, is_video=kind == "video")
        self._last.append((box, kind))

    def finish(self, container: str) -> tuple[tuple[PlanNode, ...], tuple[PlanLink, ...]]:
        box = self._add(PlanNode(id="", kind="output", label=container))
        for last, kind in self._last:
            self.arrows[last, box, 0] = PlanLink(source=last, target=box, kind=kind)
        return tuple(self.boxes.values()), tuple(self.arrows.values())

    def _group(self, call: Call, name: str, domain: Domain) -> str:
        """The box that a filter belongs to: its neighbour's of the same piece, or a new one.

        Filters that only relabel or hand on frames stay in the box before them, whoever asked for them.
        """
        before = {self._box_of[id(pad.origin)] for pad in call.inputs}
        box = next(iter(before)) if len(before) == 1 else ""
        if box and (self._scope.get(box) == (call.scope, domain) or self._only_hands_on(box, name, domain)):
            node = self.boxes[box]
            self.boxes[box] = node.model_copy(
                update={"filters": (*node.filters, name), "label": _label(node, name, call)}
            )
            return box
        empty = PlanNode(id="", kind="filter", label="", domain=domain, owner=call.owner)
        box = self._add(empty.model_copy(update={"filters": (name,), "label": _label(empty, name, call)}))
        self._scope[box] = (call.scope, domain)
        return box

    def _only_hands_on(self, box: str, name: str, domain: Domain) -> bool:
        node = self.boxes[box]
        return name in _QUIET and node.kind != "input" and node.domain == domain

    def _add(self, node: PlanNode) -> str:
        name = f"{node.kind[0]}{len(self.boxes)}"
        self.boxes[name] = node.model_copy(update={"id": name})
        return name

    def _arrow(
        self, source: str, target: str, pad: Pad, *, copied: bool = False, is_video: bool | None = None
    ) -> None:
        if source == target:
            return
        link = self._link(pad)
        video = link.is_video if is_video is None else is_video
        kind = self.boxes[target].kind
        self.arrows[source, target, len(self.arrows)] = PlanLink(
            source=source,
            target=target,
            kind="video" if video else "audio",
            domain=link.domain,
            pix_fmt="" if copied or not video else link.pix_fmt,
            width=link.width if video else 0,
            height=link.height if video else 0,
            rate=round(link.rate, 4) if video else 0.0,
            bytes_per_s=round(bytes_per_s(link)) if video and not copied else 0.0,
            transfer="upload" if kind == "upload" else "download" if kind == "download" else "",
        )

    def _link(self, pad: Pad) -> Link:
        return self.links.get(pad, Link(is_video=False))


def _label(node: PlanNode, name: str, call: Call) -> str:
    """The filters that do something to the picture, in order, without repeats; their step where they are many."""
    if node.kind != "filter":
        return node.label
    if call.step.startswith("decode ") and node.domain == Domain.CUDA:
        return call.step.replace("decode", "NVDEC")
    shown = list(dict.fromkeys(item for item in (*node.filters, name) if item not in _QUIET)) or [name]
    if len(shown) <= _MOST_FILTERS:
        return ", ".join(shown)
    return node.label if node.label.startswith(f"{call.step}:") else f"{call.step}: {shown[0]} and more"
