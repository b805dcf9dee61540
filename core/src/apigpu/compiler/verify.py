"""Pass 4, verify: the concrete graph held against the spec before FFmpeg sees it. Runs always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from apigpu.compiler.connect import Concrete, Known
from apigpu.compiler.encoders import Encoder
from apigpu.compiler.links import Link, SpecError
from apigpu.compiler.specs import rule_of
from apigpu.errors import GraphError
from apigpu.formats import Domain, Home, VideoFormat, is_subsampled
from apigpu.graph import Asset, AssetFolder, Call, Pad
from apigpu.targets.target import Target


def verify(graph: Concrete, encoder: Encoder | None, target: Target) -> Mapping[Pad, Link]:
    """What every link carries. Raises GraphError with every fault of a graph that FFmpeg would refuse."""
    checking = _Checking(graph, target)
    for call in graph.calls():
        checking.call(call)
    checking.uses()
    if graph.video is not None and encoder is not None:
        checking.encoder(graph.video, encoder)
    if checking.problems:
        raise GraphError(checking.problems)
    return checking.links


class _Checking:
    def __init__(self, graph: Concrete, target: Target) -> None:
        self.graph = graph
        self.target = target
        self.problems: list[str] = []
        self.links: dict[Pad, Link] = {}

    def call(self, call: Call) -> None:
        """Check one filter, and work out what leaves it."""
        self._names(call)
        links = [self._link(pad) for pad in call.inputs]
        kinds = call.name.split("@")[0]
        try:
            out = _audio_link(call, links) or rule_of(call.name)(links, dict(call.options))
        except SpecError as error:
            self._problem(call, str(error))
            out = links[0] if links else Link()
        if kinds == "hwdownload":
            self._followed_by_format(call, out)
        if call.rate is not None:
            out = Link(**{**out.__dict__, "rate": float(call.rate)})
        for index in range(call.outputs):
            pad = Pad(call, index)
            self.links[pad] = self._promised(call, pad, out)

    def uses(self) -> None:
        """Every output is used exactly once: FFmpeg fails on an unconnected pad, and a second user is no split."""
        calls = self.graph.calls()
        used = Counter(pad for call in calls for pad in call.inputs)
        used.update(pad for pad in (self.graph.video, self.graph.audio) if pad is not None)
        for call in calls:
            for index in range(call.outputs):
                count = used[Pad(call, index)]
                if count != 1:
                    self._problem(call, f"output {index} is used {count} times; each must be used exactly once")

    def encoder(self, pad: Pad, encoder: Encoder) -> None:
        """The picture that reaches the encoder is one that it takes."""
        link = self._link(pad)
        if link.pix_fmt and Home(link.domain, link.pix_fmt) not in encoder.accepts:
            offered = ", ".join(str(home) for home in encoder.accepts)
            self.problems.append(f"{encoder.name} needs one of {offered}, gets {link}")
        if is_subsampled(encoder.accepts[0].pix_fmt) and (link.width % 2 or link.height % 2):
            self.problems.append(f"{encoder.name} needs even sides, gets {link.width}x{link.height}")

    def _link(self, pad: Pad) -> Link:
        if pad not in self.links:
            known = self.graph.known.get(pad)
            self.links[pad] = _link_of(known) if known is not None else Link(is_video=False)
        return self.links[pad]

    def _names(self, call: Call) -> None:
        """The filter and its options exist in the target's FFmpeg."""
        name = call.name.split("@")[0]
        options = self.target.capabilities.filter_options(name)
        if options is None:
            self._problem(call, f"{self.target.ffmpeg} has no such filter")
            return
        for option, value in call.options:
            if option not in options:
                self._problem(call, f"{self.target.ffmpeg} knows no option {option!r} here")
            elif not isinstance(value, Asset | AssetFolder) and "\0" in str(value):
                self._problem(call, f"option {option!r} holds a NUL character")

    def _followed_by_format(self, call: Call, out: Link) -> None:
        users = [user for user in self.graph.calls() if any(pad.origin is call for pad in user.inputs)]
        wanted = [str(dict(user.options).get("pix_fmts", "")) for user in users]
        if wanted != [out.pix_fmt]:
            self._problem(call, f"must be followed by format={out.pix_fmt}, the layout of its frames")

    def _promised(self, call: Call, pad: Pad, link: Link) -> Link:
        """The link, completed by what the logical stream promises; a contradiction is a fault of the plugin."""
        known = self.graph.known.get(pad)
        if known is None or not isinstance(known.format, VideoFormat) or known.home is None:
            return link
        said = _link_of(known)
        if link.width and (link.width, link.height) != (said.width, said.height):
            self._problem(
                call, f"gives {link.width}x{link.height}, but {known.owner} promised {said.width}x{said.height}"
            )
        if link.domain is not said.domain:
            self._problem(call, f"gives frames in {link.domain}, but {known.owner} promised {said.domain}")
        return Link(**{**said.__dict__, "square": link.square, "rate": said.rate if call.rate is None else link.rate})

    def _problem(self, call: Call, sentence: str) -> None:
        owner = f" ({call.owner})" if call.owner else ""
        self.problems.append(f"{call.name}{owner}: {sentence}")


def _link_of(known: Known) -> Link:
    if not isinstance(known.format, VideoFormat):
        return Link(is_video=False, duration_s=known.format.duration_s)
    home = known.home or Home(Domain.SYSTEM, known.format.pix_fmt)
    return Link(
        domain=home.domain,
        pix_fmt=home.pix_fmt,
        width=known.format.width,
        height=known.format.height,
        rate=_rate(known.format),
        duration_s=known.format.duration_s,
        square=known.format.sar == 1,
    )


def _rate(picture: VideoFormat) -> float:
    """Frames a second that travel; a still is one frame."""
    if picture.change_rate == 0:
        return 1 / max(picture.duration_s, 1.0)
    return float(picture.frame_rate)


def _audio_link(call: Call, links: list[Link]) -> Link | None:
    """Sound passes every audio filter; sources of sound begin it."""
    if links and not links[0].is_video:
        return links[0]
    is_source = not links and call.name.split("@")[0] in {"anullsrc", "sine", "aevalsrc", "anoisesrc"}
    return Link(is_video=False) if is_source else None
