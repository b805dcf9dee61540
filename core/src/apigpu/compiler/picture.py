"""The nodes and links of a plan: the concrete graph, drawn together so that a person can take it in.

Neighbouring filters of the same piece of the graph in the same memory become one box; transfers stay visible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Literal

from apigpu.compiler.connect import Concrete
from apigpu.compiler.links import Link
from apigpu.compiler.specs import bytes_per_s
from apigpu.formats import Domain
from apigpu.graph import Call, FileInput, Pad
from apigpu.plan.model import PlanLink, PlanNode

_TRANSFERS: Mapping[str, Literal["", "upload", "download"]] = {
    "hwupload": "upload",
    "hwupload_cuda": "upload",
    "hwdownload": "download",
}
_MOST_FILTERS = 3
_QUIET = frozenset({"split", "asplit", "format", "setsar", "settb", "setparams", "sidedata", "null"})


def draw(
    graph: Concrete, links: Mapping[Pad, Link], video: str, audio: str, container: str
) -> tuple[tuple[PlanNode, ...], tuple[PlanLink, ...]]:
    """Boxes and arrows. `video` and `audio` name the encoders, `copy` for a stream copy."""
    drawing = _Drawing(links, _pieces(graph.calls(), links))
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
    def __init__(self, links: Mapping[Pad, Link], pieces: Mapping[int, int]) -> None:
        self.links = links
        self.pieces = pieces
        self.boxes: dict[str, PlanNode] = {}
        self.arrows: dict[tuple[str, str, int], PlanLink] = {}
        self._box_of: dict[int, str] = {}
        self._box_of_piece: dict[int, str] = {}
        self._last: list[tuple[str, Literal["video", "audio"]]] = []

    def file(self, item: FileInput) -> None:
        label = PurePath(item.file.path).name
        self._box_of[id(item)] = self._add(PlanNode(id="", kind="input", label=label))

    def call(self, call: Call) -> None:
        name = call.name.split("@")[0]
        domain = _domain(call, self.links)
        transfer = _transfer(call, self.links)
        if transfer:
            box = self._add(PlanNode(id="", kind=transfer, label=transfer, domain=domain, owner=call.owner))
        else:
            box = self._filter_box(call, name, domain)
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

    def _filter_box(self, call: Call, name: str, domain: Domain) -> str:
        """The box of the piece that a filter belongs to. One that only relabels or hands on frames stays in the
        box before it, whoever asked for it."""
        piece = self.pieces[id(call)]
        before = {self._box_of[id(pad.origin)] for pad in call.inputs}
        box = self._box_of_piece.get(piece, "")
        if not box and len(before) == 1 and self._only_hands_on(next(iter(before)), name, domain):
            (box,) = before
            node = self.boxes[box]
            self.boxes[box] = node.model_copy(update={"filters": (*node.filters, name)})
            return box
        if not box:
            box = self._add(PlanNode(id="", kind="filter", label="", domain=domain, owner=call.owner))
        node = self.boxes[box]
        self.boxes[box] = node.model_copy(
            update={"filters": (*node.filters, name), "label": self._label(node, name, call)}
        )
        self._box_of_piece[piece] = box
        return box

    def _label(self, node: PlanNode, name: str, call: Call) -> str:
        """The filters that do something to the picture, in order, without repeats; their step where they are many."""
        if node.kind != "filter":
            return node.label
        if call.step.startswith("decode ") and node.domain == Domain.CUDA:
            return call.step.replace("decode", "NVDEC")
        shown = list(dict.fromkeys(item for item in (*node.filters, name) if item not in _QUIET)) or [name]
        if len(shown) <= _MOST_FILTERS:
            return ", ".join(shown)
        return call.step if self.links.get(Pad(call, 0), Link()).is_video else call.owner

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


def _pieces(calls: Sequence[Call], links: Mapping[Pad, Link]) -> Mapping[int, int]:
    """For every call, one call that stands for its piece: neighbours of one step in one memory."""
    first = {id(call): id(call) for call in calls}

    def root(call: int) -> int:
        while first[call] != call:
            call = first[call]
        return call

    for call in calls:
        for pad in call.inputs:
            before = pad.origin
            if not isinstance(before, Call) or _transfer(call, links) or _transfer(before, links):
                continue
            if _domain(before, links) is _domain(call, links) and _belongs(before, call, links):
                first[root(id(call))] = root(id(before))
    return {call: root(call) for call in first}


def _belongs(before: Call, call: Call, links: Mapping[Pad, Link]) -> bool:
    """One step's filters are one piece, and so is all that one operation does to a sound."""
    is_sound = not links.get(Pad(call, 0), Link()).is_video
    return before.scope == call.scope or (is_sound and before.owner == call.owner and len(call.inputs) == 1)


def _domain(call: Call, links: Mapping[Pad, Link]) -> Domain:
    return links.get(Pad(call, 0), Link()).domain


def _transfer(call: Call, links: Mapping[Pad, Link]) -> Literal["", "upload", "download"]:
    """Whether a call moves frames between memories; an upload of CUDA frames hands them on."""
    kind: Literal["", "upload", "download"] = _TRANSFERS.get(call.name.split("@")[0], "")
    inside = all(links.get(pad, Link()).domain is _domain(call, links) for pad in call.inputs)
    return "" if inside else kind
