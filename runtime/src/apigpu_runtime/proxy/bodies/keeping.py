"""Files that clients send, kept in the store under names of our own."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apigpu.errors import InputError
from apigpu_runtime.proxy.bodies.upload_ledger import UploadLedger
from apigpu_runtime.proxy.refusals import Refusal, malformed, too_large
from apigpu_runtime.settings import DEFAULT_MAX_DOWNLOAD_BYTES, DEFAULT_RETENTION_S
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.content_types import content_type_of

_MAX_SIGNED_S = 7 * 24 * 3600.0
_LEAST_S = 2 * 24 * 3600.0
_SUFFIXES = frozenset(
    "mp4 m4v mov mkv webm avi ts m2ts mts mpg mpeg flv wmv 3gp mxf "
    "mp3 m4a aac wav flac ogg oga opus wma "
    "jpg jpeg png webp heic heif avif gif tif tiff bmp "
    "srt vtt ass ssa".split()
)
_MEDIA_TYPE = re.compile(r"(video|audio|image)/[a-z0-9][a-z0-9.+-]{0,60}|text/vtt|application/x-subrip")
_ACTIVE = frozenset({"image/svg+xml"})
_SUFFIX_OF = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "text/vtt": "vtt",
    "application/x-subrip": "srt",
}


@dataclass(frozen=True)
class Kept:
    """A stored upload, and the address that it can be had at until `expires_at`."""

    key: str
    url: str
    size_bytes: int
    content_type: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """Puts uploads into the store. `no_storage_remedy` tells an operator how to get one."""

    storage: Storage | None
    ledger: UploadLedger | None = None
    """Has uploads deleted when they expire."""
    retention_s: float = DEFAULT_RETENTION_S
    max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES
    no_storage_remedy: str = "Set APIGPU_STORAGE to an object store such as s3://bucket/prefix, or send URLs instead."

    def require(self, where: str = "") -> Storage:
        """The store. Raises Refusal (501), code `no_storage`, where there is none."""
        if self.storage is None:
            raise Refusal(
                501,
                "this server has nowhere to keep files that are sent to it.",
                code="no_storage",
                where=where,
                remedy=self.no_storage_remedy,
            )
        return self.storage

    @property
    def expires_s(self) -> int:
        """How long an upload is kept: as jobs are, but at least as long as a job may wait and take."""
        return int(min(max(self.retention_s, _LEAST_S), _MAX_SIGNED_S))

    async def keep(
        self, chunks: AsyncIterator[bytes], *, filename: str = "", content_type: str = "", where: str = ""
    ) -> Kept:
        """Store what arrives. Raises Refusal: 413 beyond the limit, 400 for an empty file."""
        storage = self.require(where)
        key = new_key(filename, content_type)
        kind = safe_type(content_type, key)
        await self._note(key)
        try:
            stored = await storage.put_stream(key, chunks, kind, max_bytes=self.max_bytes)
        except InputError as error:
            if error.code == "too_large" and not isinstance(error, Refusal):
                raise too_large(self.max_bytes, where=where, what="the file") from None
            raise
        if stored.size_bytes == 0:
            await self._delete(key)
            raise malformed("the file is empty.", code="empty_file", where=where)
        return self.kept(storage, key, stored.size_bytes, kind)

    def kept(self, storage: Storage, key: str, size_bytes: int, content_type: str) -> Kept:
        url = storage.signed("GET", key, expires_s=self.expires_s).url
        expires_at = datetime.now(UTC) + timedelta(seconds=self.expires_s)
        return Kept(key, url, size_bytes, content_type, expires_at.replace(microsecond=0))

    async def promised(self, key: str, content_type: str) -> Kept:
        """An upload that its sender will put into the store."""
        storage = self.require()
        await self._note(key)
        return self.kept(storage, key, 0, content_type)

    async def forget(self, kept: Kept) -> None:
        await self._delete(kept.key)

    async def _note(self, key: str) -> None:
        if self.ledger is not None:
            await self.ledger.note(key, lifetime_s=self.expires_s)

    async def _delete(self, key: str) -> None:
        await self.require().delete(key)
        if self.ledger is not None:
            await self.ledger.forget(key)


def new_key(filename: str, content_type: str = "") -> str:
    """A fresh key that nobody can guess; of the file's own name only a known ending is left."""
    suffix = filename.rpartition(".")[2].lower()
    if suffix not in _SUFFIXES:
        suffix = _SUFFIX_OF.get(_plain(content_type), "")
    return f"uploads/{secrets.token_hex(16)}{f'.{suffix}' if suffix in _SUFFIXES else ''}"


def safe_type(content_type: str, key: str) -> str:
    """The type, if it is one that no browser runs as a page; else what the key's ending says."""
    plain = _plain(content_type)
    return plain if _MEDIA_TYPE.fullmatch(plain) and plain not in _ACTIVE else content_type_of(key)


def _plain(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
