"""What an object is said to be: by the ending of its key alone.

What an uploader claims is not repeated, so that nothing served from here is ever run by a browser.
"""

from __future__ import annotations

_TYPES = {
    "aac": "audio/aac",
    "ass": "text/x-ssa",
    "avi": "video/x-msvideo",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "flac": "audio/flac",
    "gif": "image/gif",
    "heic": "image/heic",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "png": "image/png",
    "srt": "application/x-subrip",
    "ts": "video/mp2t",
    "vtt": "text/vtt",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}
UNKNOWN = "application/octet-stream"


def content_type_of(key: str) -> str:
    """The media type of an object of that key; `application/octet-stream` for endings that are no media."""
    return _TYPES.get(key.rpartition(".")[2].lower(), UNKNOWN)
