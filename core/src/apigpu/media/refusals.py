"""Refusals in sentences: what was sent, and what to send instead."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from apigpu.errors import InputError
from apigpu.media.fields import MediaKind
from apigpu.media.sniff import HEAD_BYTES, FileKind, Sniffed

_WANTED = {
    MediaKind.VIDEO: "Send a video here, such as an MP4 or WebM.",
    MediaKind.AUDIO: "Send a file with sound here, such as an MP3, a WAV or a video.",
    MediaKind.IMAGE: "Send a still image here, such as a JPEG or PNG.",
    MediaKind.SUBTITLE: "Send subtitles here: an SRT, WebVTT or ASS file.",
}


def read_head(path: Path) -> bytes:
    """The first bytes of a file that exists, may be read, and is not empty. Raises InputError otherwise."""
    try:
        mode = os.stat(path).st_mode
        head = _first_bytes(path) if stat.S_ISREG(mode) else b""
    except PermissionError as error:
        raise InputError(
            "the file may not be read.", code="unreadable", remedy="Allow reading it, then try again."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError("there is no such file.", code="file_missing", remedy="Check the path.") from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise InputError(f"this is {what}, not a file.", code="not_a_file", remedy="Name a file on disk.")
    if not head:
        raise InputError("the file is empty (0 bytes).", code="empty_file", remedy="Upload or download it again.")
    return head


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def check_kind(seen: Sniffed, kind: MediaKind) -> None:
    """Refuse what the first bytes already tell apart from `kind`; UNKNOWN passes, for ffprobe to decide."""
    match seen.kind:
        case FileKind.PLAYLIST:
            raise InputError(
                f"the file is {seen.name}: it names media, and holds none.",
                code="playlist",
                remedy="Send the media file itself.",
            )
        case FileKind.PAGE:
            raise InputError(
                f"the file is {seen.name}: the address probably leads to a web page, not to the file.",
                code="not_media",
                remedy="Use the address of the file itself, as a download link gives it.",
            )
        case FileKind.TEXT if kind is not MediaKind.SUBTITLE:
            raise InputError(f"the file is {seen.name}.", code="not_media", remedy=_WANTED[kind])
        case FileKind.OTHER:
            raise InputError(f"the file is {seen.name}.", code="not_media", remedy=_WANTED[kind])
        case FileKind.SUBTITLE if kind is not MediaKind.SUBTITLE:
            raise wrong_media(seen.name, kind)
        case FileKind.IMAGE if kind is not MediaKind.IMAGE:
            raise wrong_media(seen.name, kind)
        case FileKind.MEDIA if kind in {MediaKind.IMAGE, MediaKind.SUBTITLE}:
            raise wrong_media(seen.name, kind)
        case FileKind.UNKNOWN if kind is MediaKind.IMAGE:
            raise InputError(f"the file is {seen.name}.", code="not_media", remedy=_WANTED[kind])
        case _:
            pass


def wrong_media(name: str, kind: MediaKind) -> InputError:
    """The error for a file of another kind. `name` fits into "the file is NAME"."""
    if kind is MediaKind.AUDIO:
        return InputError(f"the file has no sound: it is {name}.", code="no_audio", remedy=_WANTED[kind])
    wanted = "a subtitle file" if kind is MediaKind.SUBTITLE else f"{_article(kind)} {kind.value}"
    return InputError(f"the file is {name}, not {wanted}.", code="wrong_media", remedy=_WANTED[kind])


def missing_stream(name: str, kind: MediaKind) -> InputError:
    """The error for sound or video without the stream that is needed. `name` says what the file is."""
    if kind is MediaKind.AUDIO:
        return InputError(f"the file has no sound: it is {name}.", code="no_audio", remedy=_WANTED[kind])
    return InputError(f"the file has no video stream: it is {name}.", code="no_video", remedy=_WANTED[kind])


def _article(kind: MediaKind) -> str:
    return "an" if kind.value[0] in "aeiou" else "a"
