"""The whole way from a clip to a plan: share, place, connect, verify, emit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apigpu.compiler.connect import connect
from apigpu.compiler.containers import CONTAINERS, FORMATS_WITHOUT_PTS, Container
from apigpu.compiler.emit import emit
from apigpu.compiler.encoders import Encoder, choose_encoder
from apigpu.compiler.output import OutputSpec
from apigpu.compiler.picture import draw
from apigpu.compiler.place import Placement, place
from apigpu.compiler.share import share
from apigpu.compiler.verify import verify
from apigpu.errors import InputError
from apigpu.filters.display import Display
from apigpu.filters.timing import Trim
from apigpu.formats import AudioFormat, VideoFormat
from apigpu.graph import AudioSource, Node, VideoSource, walk
from apigpu.plan.model import Plan, PlanAsset, PlanEstimate, PlanOutput, PlanStep, PlanWarning
from apigpu.streams import Clip
from apigpu.targets.target import Target

_TICKS_PER_S = 90000
_AUDIO_NS_PER_SAMPLE = 60.0
_FRAME = Container("image2", options={"update": "1"})


def compile_clip(
    clip: Clip, target: Target, *, output: OutputSpec | None = None, warnings: Sequence[PlanWarning] = ()
) -> Plan:
    """The plan that makes `clip` on `target`. Pure: the same clip, facts and target give the same plan.

    Raises InputError for an empty clip or an unknown container, UnsupportedError where no placement exists,
    GraphError where a plugin built a graph that FFmpeg would refuse.
    """
    wanted = output or OutputSpec()
    if clip.video is None and clip.audio is None:
        raise InputError("the result would have neither picture nor sound.", code="empty_result")
    video, audio = _shared(clip)
    if clip.video is not None and clip.video.format.duration_s and clip.video.format.frames < 1:
        raise InputError("the result would not have a single frame.", code="empty_result")
    container = _container(wanted.container)
    copied = _copied(video, container, wanted.codec) if video is not None else None
    copies_video = copied is not None
    copies_audio = audio is not None and _copies_audio(audio, container)
    encoder, placement = None, None
    if video is not None and not copies_video:
        encoder = choose_encoder(wanted.encoded_as, _picture(video), target)
        placement = place(video, encoder, target)
    graph = connect(video, audio, placement)
    links = verify(graph, encoder, target)
    settings = encoder.options_on(target, wanted.quality) if encoder is not None else {}
    options = _output_options(video, audio, container, encoder, copied, copies_audio, settings)
    emitted = emit(graph, options, target.capabilities.version)
    video_codec = "" if video is None else "copy" if copies_video else encoder.name if encoder else ""
    audio_codec = "" if audio is None else "copy" if copies_audio else container.audio_encoder
    nodes, arrows = draw(graph, links, video_codec, audio_codec, wanted.container)
    return Plan(
        target=target.name,
        device=target.device,
        ffmpeg=".".join(str(part) for part in target.capabilities.version),
        decoders=_decoders(video, placement),
        steps=(PlanStep(id="render", arguments=emitted.arguments),),
        assets=tuple(PlanAsset.of(path, content) for path, content in sorted(emitted.files.items())),
        nodes=nodes,
        links=arrows,
        output=_output(video, audio, wanted.container, video_codec, audio_codec),
        estimate=_estimate(video, audio, placement, target, copies_audio),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _shared(clip: Clip) -> tuple[Node | None, Node | None]:
    roots = [stream.node for stream in (clip.video, clip.audio) if stream is not None]
    merged = list(share(*roots))
    video = merged.pop(0) if clip.video is not None else None
    return video, merged.pop(0) if clip.audio is not None else None


def _container(name: str) -> Container:
    if name == "png":
        return _FRAME
    found = CONTAINERS.get(name)
    if found is None:
        raise InputError(
            f"{name!r} is no container that can be written.",
            code="unknown_container",
            where="output",
            remedy=f"Choose one of {', '.join(CONTAINERS)}.",
        )
    return found


def _copied(root: Node, container: Container, codec: str | None) -> VideoSource | None:
    """The source of a picture that nothing is done to: a player turns and shapes it by the file's own metadata.

    One that is only cut at its end is copied too; one of another codec than the wanted one is not.
    """
    node = root
    if isinstance(node.operator, Trim) and node.operator.start_s == 0:
        node = node.inputs[0]
    if isinstance(node.operator, Display):
        node = node.inputs[0]
    source = node.operator
    if not isinstance(source, VideoSource) or source.start_s or codec not in {None, source.stream.codec}:
        return None
    can = source.stream.codec in container.copies_video and source.file.format not in FORMATS_WITHOUT_PTS
    return source if can else None


def _copies_audio(root: Node, container: Container) -> bool:
    source = root.operator
    if not isinstance(source, AudioSource) or source.zero_s is None:
        return False
    return source.stream.codec in container.copies_audio


def _picture(node: Node) -> VideoFormat:
    assert isinstance(node.format, VideoFormat)
    return node.format


def _output_options(
    video: Node | None,
    audio: Node | None,
    container: Container,
    encoder: Encoder | None,
    copied: VideoSource | None,
    copies_audio: bool,
    settings: Mapping[str, str],
) -> dict[str, str]:
    """Options before the output path, in FFmpeg's names."""
    options: dict[str, str] = dict(container.options)
    if video is not None:
        options["c:v"] = "copy" if encoder is None else encoder.name
        codec = encoder.codec if encoder is not None else copied.stream.codec if copied is not None else ""
        if codec in container.video_tags:
            options["tag:v"] = container.video_tags[codec]
        if copied is not None and isinstance(video.operator, Trim):
            options["t"] = f"{video.operator.end_s:.6f}"
    if encoder is not None and video is not None:
        options |= settings
        options |= _timing(_picture(video), container)
    if audio is not None:
        options["c:a"] = "copy" if copies_audio else container.audio_encoder
        if not copies_audio:
            assert isinstance(audio.format, AudioFormat)
            options["b:a"] = _bitrate(audio.format.channels)
    options["f"] = container.muxer
    return options


def _bitrate(channels: int) -> str:
    """Generous, since FFmpeg's AAC encoder needs more than others for the same quality."""
    return {1: "128k", 2: "192k"}.get(channels, f"{64 * channels}k")


def _timing(picture: VideoFormat, container: Container) -> dict[str, str]:
    """Frames keep their time stamps: FFmpeg's default would make uneven ones even by repeating and dropping."""
    if container.muxer == "image2":
        return {"frames:v": "1"}
    options = {"fps_mode": "vfr"}
    if picture.is_vfr:
        options["enc_time_base"] = f"1/{_TICKS_PER_S}"
        if container.muxer in {"mp4", "mov"}:
            options["video_track_timescale"] = str(_TICKS_PER_S)
            # Encoders of FFmpeg 5 forget how long a frame lasts, and so the last one would be cut short. These
            # muxers count in the encoder's ticks; Matroska does not, and gives the filter other numbers.
            end = round(picture.duration_s * _TICKS_PER_S)
            options["bsf:v"] = f"setts=pts=PTS:dts=DTS:duration=max(1\\,{end}-PTS)"
    return options


def _decoders(video: Node | None, placement: Placement | None) -> tuple[str, ...]:
    if video is None or placement is None:
        return ()
    return tuple(
        dict.fromkeys(placement.rows[id(node)].by for node in walk([video]) if isinstance(node.operator, VideoSource))
    )


def _output(video: Node | None, audio: Node | None, container: str, video_codec: str, audio_codec: str) -> PlanOutput:
    if video is None:
        assert audio is not None
        return PlanOutput(container=container, audio=audio_codec, duration_s=_length_s(audio))
    picture = _picture(video)
    single = container == "png"
    return PlanOutput(
        container=container,
        video=video_codec,
        audio=audio_codec,
        width=picture.width,
        height=picture.height,
        frame_rate=str(picture.frame_rate),
        frames=1 if single else picture.frames,
        duration_s=0.0 if single else max(picture.duration_s, _length_s(audio) if audio is not None else 0.0),
    )


def _length_s(node: Node) -> float:
    return node.format.duration_s


def _estimate(
    video: Node | None, audio: Node | None, placement: Placement | None, target: Target, copies_audio: bool
) -> PlanEstimate:
    busy_ns = placement.cost_ns_per_s * _picture(video).duration_s if placement is not None and video else 0.0
    if audio is not None and not copies_audio:
        assert isinstance(audio.format, AudioFormat)
        busy_ns += _AUDIO_NS_PER_SAMPLE * audio.format.sample_rate_hz * audio.format.channels * _length_s(audio)
    busy_s = busy_ns / 1e9
    return PlanEstimate(machine_s=round(busy_s, 3), usd=round(busy_s * target.usd_per_s, 6))
