"""`Media`: what a build function holds of the files that a request names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from apigpu.errors import InputError
from apigpu.filters.display import Display
from apigpu.formats import AudioFormat, VideoFormat
from apigpu.graph import AudioSource, ImageSource, VideoSource
from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts
from apigpu.media.fields import PREVIOUS
from apigpu.streams import AudioStream, Clip, VideoClip, VideoStream, source_node


@dataclass(frozen=True)
class Notice:
    """Something the user should know although the job goes on: a stable code and a sentence."""

    code: str
    message: str


@dataclass
class Media:
    """The files of one request, by the address that the request gives them.

    `files` holds what was probed, `texts` the bytes of subtitle files, `previous` the clip of the step before
    in a pipeline. Everything is at hand: no method opens a connection or a file.
    """

    files: Mapping[str, MediaFile] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)
    previous: Clip | None = None
    warnings: list[Notice] = field(default_factory=list)

    def warn(self, code: str, message: str) -> None:
        """Tell the user something that does not stop the job. `code` is snake_case; the message a sentence."""
        if Notice(code, message) not in self.warnings:
            self.warnings.append(Notice(code, message))

    def file(self, url: str) -> MediaFile:
        """The probed facts of a file, warnings included. Raises InputError if the request does not name it."""
        if url not in self.files:
            raise InputError(f"no file was fetched for {url}.", code="media_missing")
        found = self.files[url]
        for sentence in found.warnings:
            self.warn("media_repaired", sentence)
        return found

    def video(self, url: str) -> VideoClip:
        """A video as a viewer sees it: upright, with square pixels and even sizes, SDR, with its first sound.

        The picture's time line begins at its first frame, and the sound keeps its place beside it. A picture
        that nothing is done to is copied, not encoded, where the container takes it.
        Raises InputError for a file without a picture.
        """
        if url == PREVIOUS and self.previous is not None:
            return _with_picture(self.previous)
        found = self.file(url)
        if not found.videos:
            raise InputError("the file has no video stream.", code="no_video", remedy="Send a video here.")
        facts = max(found.videos, key=lambda stream: (stream.width * stream.height, -stream.index))
        zero_s = facts.start_s
        audio = _audio_stream(found, found.audios[0], zero_s) if found.audios else None
        return VideoClip(_displayed(found, facts), audio)

    def audio(self, url: str) -> AudioStream:
        """The first sound stream of a file, beginning at its first sample. Raises InputError if it has none."""
        if url == PREVIOUS and self.previous is not None and self.previous.audio is not None:
            return self.previous.audio
        found = self.file(url)
        if not found.audios:
            raise InputError("the file has no sound.", code="no_audio", remedy="Send a file with a sound track.")
        facts = found.audios[0]
        return _audio_stream(found, facts, None)

    def image(self, url: str, *, frame_rate: Fraction = Fraction(25)) -> VideoStream:
        """A still as stored (see `ImageFacts.orientation`): one frame, at time 0. Raises InputError for others."""
        found = self.file(url)
        if found.image is None:
            raise InputError("the file is no image.", code="no_image", remedy="Send a still image here.")
        facts = found.image
        picture = VideoFormat(
            width=facts.width,
            height=facts.height,
            frame_rate=frame_rate,
            duration_s=float(1 / frame_rate),
            pix_fmt=facts.pix_fmt,
            change_rate=Fraction(0),
            color=facts.color,
        )
        return VideoStream(source_node(ImageSource(found), picture))

    def text(self, url: str) -> bytes:
        """The bytes of a subtitle file, as they came."""
        if url not in self.texts:
            raise InputError(f"no file was fetched for {url}.", code="media_missing")
        return self.texts[url]


def _with_picture(clip: Clip) -> VideoClip:
    if clip.video is None:
        raise InputError("the step before gives no picture.", code="no_video", remedy="Begin with one that does.")
    return VideoClip(clip.video, clip.audio)


def _audio_stream(found: MediaFile, facts: AudioFacts, zero_s: float | None) -> AudioStream:
    sound = AudioFormat(
        sample_rate_hz=facts.sample_rate_hz,
        channels=facts.channels,
        duration_s=max(0.0, facts.duration_s + (0.0 if zero_s is None else facts.start_s - zero_s)),
        layout=facts.layout,
    )
    return AudioStream(source_node(AudioSource(found, facts, zero_s), sound))


def _displayed(found: MediaFile, facts: VideoFacts) -> VideoStream:
    picture = VideoFormat(
        width=facts.width,
        height=facts.height,
        frame_rate=facts.frame_rate,
        duration_s=facts.duration_s or found.duration_s,
        pix_fmt=facts.pix_fmt,
        sar=facts.sar,
        is_vfr=facts.is_vfr,
        color=facts.color,
    )
    stream = VideoStream(source_node(VideoSource(found, facts), picture))
    display = Display.of(facts)
    return stream.apply(display) if display.does_anything else stream
