"""The files that a graph opens, each once, with the options that put its streams on their time lines."""

from __future__ import annotations

from apigpu.graph import AudioSource, FileInput, ImageSource, Pad, VideoSource
from apigpu.media.facts import MediaFile

# The demuxers that read one picture by its content. FFmpeg would choose `image2` for them, which takes a `%` in a
# file's name for the number of a sequence.
_IMAGE_DEMUXERS = {"mjpeg": "jpeg_pipe", "png": "png_pipe", "webp": "webp_pipe", "bmp": "bmp_pipe", "gif": "gif"}


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
        codec = source.file.image.codec if source.file.image is not None else ""
        demuxer = _IMAGE_DEMUXERS.get(codec, f"{codec}_pipe")
        options = (("protocol_whitelist", "file"), ("f", demuxer), ("noautorotate", ""))
        key = (source.file.path, -1.0, 0.0, False)
        return self._found.setdefault(key, FileInput(source.file, options))

    def _opened(self, file: MediaFile, zero_s: float, skip_s: float, on_cuda: bool) -> FileInput:
        key = (file.path, zero_s, skip_s, on_cuda)
        if key not in self._found:
            self._found[key] = FileInput(file, _options(file, zero_s, skip_s, on_cuda))
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
    # FFmpeg shifts a file so that its earliest stream begins at 0; the time line here begins at `zero_s`.
    ahead_s = zero_s - file.start_s
    if skip_s:
        options.append(("ss", f"{max(0.0, skip_s + ahead_s):.6f}"))
    elif abs(ahead_s) >= 1e-6:
        options.append(("itsoffset", f"{-ahead_s:.6f}"))
    return tuple(options)
