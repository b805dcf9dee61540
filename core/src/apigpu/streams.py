"""The typed values that operations pass around: a clip and its picture and sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from apigpu.formats import AudioFormat, VideoFormat
from apigpu.graph import AudioFilter, Node, Source, Value, VideoFilter
from apigpu.raw import RawAudioFilter, RawFilter

_owner: ContextVar[str] = ContextVar("apigpu_owner", default="")


@contextmanager
def owned_by(operation: str) -> Iterator[None]:
    """Nodes made inside carry the name of the operation that asked for them."""
    token = _owner.set(operation)
    try:
        yield
    finally:
        _owner.reset(token)


@dataclass(frozen=True)
class VideoStream:
    """Pictures on their way: a node of the graph, and what comes out of it."""

    node: Node

    @property
    def format(self) -> VideoFormat:
        assert isinstance(self.node.format, VideoFormat)
        return self.node.format

    def apply(self, operator: VideoFilter, *others: VideoStream) -> VideoStream:
        """The result of a logical filter whose first input is this stream."""
        return video_node(operator, self, *others)

    def filter(self, name: str, **options: Value) -> VideoStream:
        """The result of any FFmpeg filter with one video input and one video output, run on the CPU.

        Options are FFmpeg's; a trailing underscore keeps a name clear of Python's keywords. The filter must
        keep the size of the picture; use the vocabulary of `apigpu.filters` for those that change it.
        """
        return self.apply(RawFilter(name, tuple((key.rstrip("_"), value) for key, value in options.items())))


@dataclass(frozen=True)
class AudioStream:
    """Sound on its way."""

    node: Node

    @property
    def format(self) -> AudioFormat:
        assert isinstance(self.node.format, AudioFormat)
        return self.node.format

    def apply(self, operator: AudioFilter, *others: AudioStream) -> AudioStream:
        """The result of a logical filter whose first input is this stream."""
        return audio_node(operator, self, *others)

    def filter(self, name: str, **options: Value) -> AudioStream:
        """The result of any FFmpeg filter with one audio input and one audio output that keeps the length."""
        given = tuple((key.rstrip("_"), value) for key, value in options.items())
        return self.apply(RawAudioFilter(name, given))


@dataclass(frozen=True)
class Clip:
    """What an operation takes and gives: pictures, sound, or both."""

    video: VideoStream | None = None
    audio: AudioStream | None = None

    def replace(self, **changes: VideoStream | AudioStream | None) -> Clip:
        """A copy with `video` or `audio` exchanged; None takes it away."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def duration_s(self) -> float:
        """Length of the picture, or of the sound where there is no picture."""
        if self.video is not None:
            return self.video.format.duration_s
        return self.audio.format.duration_s if self.audio is not None else 0.0


@dataclass(frozen=True)
class VideoClip(Clip):
    """A clip that has a picture."""

    video: VideoStream


def video_node(operator: VideoFilter, *inputs: VideoStream) -> VideoStream:
    """The result of a video filter; with no inputs, of one that generates pictures."""
    output = operator.output(*(stream.format for stream in inputs))
    return VideoStream(Node(operator, tuple(stream.node for stream in inputs), output, _owner.get()))


def audio_node(operator: AudioFilter, *inputs: AudioStream) -> AudioStream:
    """The result of an audio filter; with no inputs, of one that generates sound."""
    output = operator.output(*(stream.format for stream in inputs))
    return AudioStream(Node(operator, tuple(stream.node for stream in inputs), output, _owner.get()))


def source_node(operator: Source, output: VideoFormat | AudioFormat) -> Node:
    """The node of a file's stream."""
    return Node(operator, (), output, _owner.get())
