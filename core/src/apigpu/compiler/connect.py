"""Pass 3, connect: the placed graph written out in FFmpeg filters, with the conversions and splits it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apigpu.compiler.containers import FORMATS_WITHOUT_PTS
from apigpu.compiler.homes import convert, reformat_on_cuda
from apigpu.compiler.inputs import Inputs, nvdec_layout
from apigpu.compiler.place import Placement
from apigpu.formats import AudioFormat, Domain, Home, VideoFormat
from apigpu.graph import (
    AudioFilter,
    AudioSource,
    Call,
    FileInput,
    Fragment,
    ImageSource,
    Node,
    Pad,
    VideoFilter,
    VideoSource,
    walk,
)


@dataclass(frozen=True)
class Known:
    """What is promised of a pad: the format of the logical stream it carries, and its home."""

    format: VideoFormat | AudioFormat
    home: Home | None
    owner: str = ""


@dataclass(frozen=True)
class Concrete:
    """A graph in FFmpeg's filters, ready to be verified and emitted. Pads of inputs that are mapped straight
    to the output are stream copies or encoded as they are."""

    video: Pad | None
    audio: Pad | None
    known: Mapping[Pad, Known] = field(default_factory=dict)
    device: Domain | None = None

    def calls(self) -> list[Call]:
        """Every call, inputs before users, in a fixed order."""
        found: dict[int, Call] = {}
        stack = [pad.origin for pad in (self.audio, self.video) if pad is not None]
        pending: list[tuple[Call | FileInput, bool]] = [(origin, False) for origin in stack]
        while pending:
            origin, done = pending.pop()
            if not isinstance(origin, Call) or id(origin) in found:
                continue
            if done:
                found[id(origin)] = origin
            else:
                pending.append((origin, True))
                pending.extend((pad.origin, False) for pad in reversed(origin.inputs))
        return list(found.values())

    def inputs(self) -> list[FileInput]:
        """Every file that is opened, in the order in which the graph first uses it."""
        found = {id(pad.origin): pad.origin for pad in self._taken() if isinstance(pad.origin, FileInput)}
        return list(found.values())

    def used(self, item: FileInput) -> frozenset[int]:
        """Numbers of the streams that the graph takes from a file."""
        return frozenset(pad.index for pad in self._taken() if pad.origin is item)

    def _taken(self) -> list[Pad]:
        pads = [pad for pad in (self.video, self.audio) if pad is not None]
        return pads + [pad for call in self.calls() for pad in call.inputs]


def connect(video: Node | None, audio: Node | None, placement: Placement | None) -> Concrete:
    """Write out both trees. `placement` is None where the picture is copied or absent."""
    writing = _Writing(placement)
    video_pad = writing.final_video(video) if video is not None else None
    audio_pad = writing.final_audio(audio) if audio is not None else None
    return Concrete(video_pad, audio_pad, writing.known, writing.device)


class _Writing:
    def __init__(self, placement: Placement | None) -> None:
        self.placement = placement
        self.inputs = Inputs()
        self.known: dict[Pad, Known] = {}
        self.device: Domain | None = None
        self._ready: dict[tuple[int, Home | None], list[Pad]] = {}
        self._scopes: dict[int, str] = {}

    def final_video(self, root: Node) -> Pad:
        if self.placement is None:
            return self._copied(root)
        nodes = [node for node in walk([root]) if node.is_video]
        wanted = self._wanted_homes(nodes, root)
        for node in nodes:
            row = self.placement.rows[id(node)]
            pads = [self._take(child, home) for child, home in zip(node.inputs, row.inputs, strict=False)]
            self._offer(node, row.output, self._write_video(node, pads), wanted[id(node)])
        return self._take(root, self.placement.sink.inputs[0])

    def final_audio(self, root: Node) -> Pad:
        nodes = [node for node in walk([root]) if not node.is_video]
        users: dict[int, int] = {id(root): 1}
        for node in nodes:
            for child in node.inputs:
                users[id(child)] = users.get(id(child), 0) + 1
        for node in nodes:
            pads = [self._take(child, None) for child in node.inputs]
            pad = self._write_audio(node, pads)
            self.known[pad] = Known(node.format, None, node.owner)
            self._ready[id(node), None] = _split(self._fragment(node), "asplit", pad, users[id(node)])
        return self._take(root, None)

    def _wanted_homes(self, nodes: Sequence[Node], root: Node) -> dict[int, list[Home]]:
        """For each node, the home that every one of its users wants it in."""
        assert self.placement is not None
        wanted: dict[int, list[Home]] = {id(node): [] for node in nodes}
        for node in nodes:
            row = self.placement.rows[id(node)]
            for child, home in zip(node.inputs, row.inputs, strict=False):
                wanted[id(child)].append(home)
        wanted[id(root)].append(self.placement.sink.inputs[0])
        return wanted

    def _offer(self, node: Node, home: Home, pad: Pad, wanted: Sequence[Home]) -> None:
        """Split a result between its users, once for each home that it is wanted in, and convert."""
        assert self.placement is not None
        self.known[pad] = Known(node.format, home, node.owner or node.operator.label)
        fragment = self._fragment(node)
        homes = list(dict.fromkeys(wanted))
        for there, here in zip(homes, _split(fragment, "split", pad, len(homes)), strict=True):
            found = self.placement.conversions.between(home, there)
            assert found is not None
            self._note_device(found.path)
            converted = convert(fragment, here, found.path)
            self._ready[id(node), there] = _split(fragment, "split", converted, wanted.count(there))

    def _take(self, node: Node, home: Home | None) -> Pad:
        return self._ready[id(node), home].pop(0)

    def _write_video(self, node: Node, pads: Sequence[Pad]) -> Pad:
        assert self.placement is not None
        row = self.placement.rows[id(node)]
        self._note_device((row.output,))
        if isinstance(node.operator, VideoSource):
            return self._decoded(node, node.operator, row.output)
        if isinstance(node.operator, ImageSource):
            return Pad(self.inputs.image(node.operator), 0)
        assert isinstance(node.operator, VideoFilter)
        assert row.implementation is not None
        return row.implementation.build(self._fragment(node), *pads)

    def _write_audio(self, node: Node, pads: Sequence[Pad]) -> Pad:
        if isinstance(node.operator, AudioSource):
            pad = self.inputs.audio(node.operator)
            if node.operator.zero_s is not None:
                return pad
            # Matroska's start time counts the priming that the decoder drops: 7 ms of Opus in FFmpeg 5.1.
            return self._fragment(node).filter("asetpts", pad, expr="PTS-STARTPTS")
        assert isinstance(node.operator, AudioFilter)
        return node.operator.build(self._fragment(node), *pads)

    def _decoded(self, node: Node, source: VideoSource, home: Home) -> Pad:
        pad = self.inputs.video(source, on_cuda=home.domain is Domain.CUDA)
        self.known[pad] = Known(node.format, home, node.operator.label)
        fragment = self._fragment(node)
        if home.domain is Domain.CUDA:
            # NVDEC falls back to software without a word. hwupload passes CUDA frames on and uploads others,
            # and scale_cuda does nothing to frames that have the layout already.
            pad = fragment.filter("hwupload", pad)
            pad = reformat_on_cuda(fragment, pad, nvdec_layout(source.stream.pix_fmt))
        if source.start_s:
            pad = fragment.filter("setpts", pad, expr=f"PTS+({source.start_s:.6f})/TB")
        elif source.file.format in FORMATS_WITHOUT_PTS:
            # The decoder guesses; H.264 with B-frames in AVI begins two frames late.
            pad = fragment.filter("setpts", pad, rate=source.stream.frame_rate, expr="PTS-STARTPTS")
        return pad

    def _copied(self, root: Node) -> Pad:
        source = next(node for node in walk([root]) if isinstance(node.operator, VideoSource)).operator
        assert isinstance(source, VideoSource)
        return self.inputs.video(source, on_cuda=False)

    def _fragment(self, node: Node) -> Fragment:
        scope = self._scopes.setdefault(id(node), f"n{len(self._scopes)}")
        return Fragment(scope, node.owner or node.operator.label, node.operator.label)

    def _note_device(self, homes: Sequence[Home]) -> None:
        self.device = next((home.domain for home in homes if home.domain is not Domain.SYSTEM), self.device)


def _split(fragment: Fragment, name: str, pad: Pad, users: int) -> list[Pad]:
    return [pad] if users <= 1 else list(fragment.call(name, (pad,), {}, outputs=users))
