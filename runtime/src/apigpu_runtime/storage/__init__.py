"""Where finished videos, envelopes and uploads lie: a folder of this machine, or an object store.

Keys are paths made by apigpu alone, such as `jobs/JOB/caption.mp4` and `uploads/ID.mp4`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from apigpu_runtime.job import Signed

_KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,7}")

Method = Literal["GET", "PUT", "HEAD"]
"""What an address can be signed for."""


@dataclass(frozen=True)
class Stored:
    """What is known of an object without reading it."""

    key: str
    size_bytes: int
    content_type: str = ""
    md5: str = field(default="", compare=False)
    """Hexadecimal; empty where the store does not tell."""


class Storage(Protocol):
    """A store of objects. All methods raise StorageError (`apigpu_runtime.storage.errors`) where the store fails."""

    async def put_file(self, key: str, path: Path, content_type: str) -> Stored:
        """Store a file, streamed, whole or not at all."""
        ...

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], content_type: str, *, max_bytes: int
    ) -> Stored:
        """Store what arrives, whole or not at all. Raises InputError, code `too_large`, beyond `max_bytes`."""
        ...

    async def read(self, key: str, *, max_bytes: int) -> bytes | None:
        """A small object whole; None where there is none."""
        ...

    async def head(self, key: str) -> Stored | None: ...

    async def delete(self, key: str) -> None:
        """It is gone afterwards, whether it was there or not."""
        ...

    def signed(
        self,
        method: Method,
        key: str,
        *,
        expires_s: int,
        content_type: str = "",
        filename: str = "",
    ) -> Signed:
        """A request that its holder may make until it expires, at most 7 days. A GET is saved as `filename`."""
        ...


def check_key(key: str) -> str:
    """The key, if it is one that apigpu makes. Raises ValueError for anything that could leave the store."""
    if len(key) > 300 or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a stored object")
    return key
