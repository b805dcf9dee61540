"""The files that a graph opens, each once, with the options that put its streams on their time lines."""

from __future__ import annotations

from collections.abc import Collection

from apigpu.graph import AudioSource, FileInput, ImageSource, Pad, VideoSource
from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts

_JUMPING_FORMATS = frozenset({"mpegts", "mpeg", "ogg"})
"""Formats whose clock may jump (AVFMT_TS_DISCONT). From 6.0 on, FFmpeg looks only at their streams in use."""


class Inputs:
    """Every file is opened once for each time line and way of decoding that the graph wants of it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, float, float, bool], FileInput] = {}

    def video(self, source: VideoSource, *, on_cuda: bool) -> Pad:
        return Pad(self._opened(source.file, source.stream.start_s, source.start_s, on_cuda), source.stream.index)

    def audio(self, source: AudioSource) -> Pad:
        """A sound's pad. One on its own time line can come from any opening of its file."""
        for (path, zero_s, skip_s, _), found in self._found.items():
            if path == source.file.path and source.zero_s in (None, zero_s) and not skip_s:
                return Pad(found, source.stream.index)
        zero_s = source.file.start_s if source.zero_s is None else source.zero_s
        return Pad(self._opened(source.file, zero_s, 0.0, False), source.stream.index)

    def image(self, source: ImageSource) -> FileInput:
        # The demuxer is named: left to itself FFmpeg opens some stills as `image2`, which takes a `%` in a file's
        # name for the number of a sequence.
        options = (("protocol_whitelist", "file"), ("f", source.file.format), ("noautorotate", ""))
        key = (source.file.path, -1.0, 0.0, False)
        return self._found.setdefault(key, FileInput(source.file, options))

    def _opened(self, file: MediaFile, zero_s: float, skip_s: float, on_cuda: bool) -> FileInput:
        key = (file.path, zero_s, skip_s, on_cuda)
        if key not in self._found:
            options = _options(file, zero_s, skip_s, on_cuda)
            self._found[key] = FileInput(file, options, None if skip_s else zero_s)
        return self._found[key]


def nvdec_layout(pix_fmt: str) -> str:
    """The pixel format of NVDEC's frames for a stream of this one."""
    return "p010le" if "10" in pix_fmt else "nv12"


def _options(file: MediaFile, zero_s: float, skip_s: float, on_cuda: bool) -> tuple[tuple[str, str], ...]:
    options = [("protocol_whitelist", "file"), ("noautorotate", "")]
    if file.format:
        options.append(("format_whitelist", file.format))
    if on_cuda:
        # NVDEC does not use threads of its own, and frame threads only hold surfaces.
        options += [
            ("hwaccel", "cuda"),
            ("hwaccel_output_format", "cuda"),
            ("hwaccel_device", "cu"),
            ("threads", "1"),
        ]
    if skip_s:
        options.append(("ss", f"{max(0.0, skip_s + zero_s - file.start_s):.6f}"))
    return tuple(options)


def shift_options(
    item: FileInput, used: Collection[int], version: tuple[int, int, int]
) -> tuple[tuple[str, str], ...]:
    """What puts an input's time 0 where it belongs, when the streams `used` are read from it."""
    if item.zero_s is None:
        return ()
    shift_s = _first_s(item.file, used, version) - item.zero_s
    return (("itsoffset", f"{shift_s:.6f}"),) if abs(shift_s) >= 1e-6 else ()


def _first_s(file: MediaFile, used: Collection[int], version: tuple[int, int, int]) -> float:
    """The moment that FFmpeg by itself makes time 0 of a file: the start of its earliest stream, mostly."""
    streams: tuple[VideoFacts | AudioFacts, ...] = (*file.videos, *file.audios)
    starts_s = [stream.start_s for stream in streams if stream.index in used]
    if starts_s and version >= (6, 0, 0) and file.format in _JUMPING_FORMATS:
        return min(starts_s)
    if version >= (9, 0, 0) and file.format == "matroska,webm":
        # Only the priming of Opus lies before 0. FFmpeg 9 no longer counts it; ffprobe 8, its companion, does.
        return max(0.0, file.start_s)
    return file.start_s
