"""A folder of this machine as a store. Its files are served, and taken, by `file_routes`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path

from apigpu_runtime.job import Signed
from apigpu_runtime.storage import Method, Stored, check_key
from apigpu_runtime.storage.arrival import arriving, remembered_md5, sweep, translated
from apigpu_runtime.storage.content_types import content_type_of
from apigpu_runtime.storage.errors import StorageError
from apigpu_runtime.storage.rules import bad_digest, check_size, is_public, too_large
from apigpu_runtime.storage.signing import refusal_of, signed_query

_CHUNK_BYTES = 1 << 20


class FolderStorage:
    """Files below `folder`. Signed addresses are `BASE_URL/files/KEY?...`.

    With a `public_url`, finished files are had from there without a signature. Without a `base_url` nothing is
    served: a GET is then a `file:` URL. Raises StorageError where the folder cannot be made or written.
    """

    def __init__(self, folder: Path, base_url: str = "", secret: bytes = b"", *, public_url: str = "") -> None:
        self._folder = folder.absolute()
        # No key leads there: keys begin with letters and digits.
        self._arriving = self._folder / ".arriving"
        self._base_url = base_url.rstrip("/")
        self._public_url = public_url.rstrip("/")
        self._secret = secret
        with translated("made"):
            self._arriving.mkdir(parents=True, exist_ok=True)
            sweep(self._arriving)

    async def put_file(self, key: str, path: Path, content_type: str) -> Stored:
        target = self.path_of(key)

        def copy() -> Stored:
            with path.open("rb") as source, arriving(self._arriving) as arrival:
                while chunk := source.read(_CHUNK_BYTES):
                    arrival.write(chunk)
                arrival.arrive(target)
                return Stored(key, arrival.size_bytes, content_type_of(key), arrival.md5)

        return await asyncio.to_thread(copy)

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], content_type: str, *, max_bytes: int
    ) -> Stored:
        return await self.receive(key, chunks, max_bytes=max_bytes)

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, max_bytes: int, md5: str = "") -> Stored:
        """As `put_stream`; where an `md5` is given, hexadecimal, only what has it is kept.

        Raises InputError, code `bad_digest`.
        """
        target = self.path_of(key)
        with arriving(self._arriving) as arrival:
            async for chunk in chunks:
                if arrival.size_bytes + len(chunk) > max_bytes:
                    raise too_large(max_bytes)
                await asyncio.to_thread(arrival.write, chunk)
            if md5 and md5 != arrival.md5:
                raise bad_digest("what arrived is not what Content-MD5 says.")
            await asyncio.to_thread(arrival.arrive, target)
            return Stored(key, arrival.size_bytes, content_type_of(key), arrival.md5)

    async def read(self, key: str, *, max_bytes: int) -> bytes | None:
        path = self.path_of(key)

        def content() -> bytes | None:
            with translated("read"):
                if not path.is_file():
                    return None
                check_size(Stored(key, path.stat().st_size), max_bytes)
                return path.read_bytes()

        return await asyncio.to_thread(content)

    async def head(self, key: str) -> Stored | None:
        path = self.path_of(key)

        def look() -> Stored | None:
            with translated("read"):
                if not path.is_file():
                    return None
                return Stored(key, path.stat().st_size, content_type_of(key), remembered_md5(path))

        return await asyncio.to_thread(look)

    async def delete(self, key: str) -> None:
        path = self.path_of(key)

        def remove() -> None:
            with translated("deleted"), suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            with suppress(OSError):
                for parent in path.relative_to(self._folder).parents[:-1]:
                    (self._folder / parent).rmdir()

        await asyncio.to_thread(remove)

    def signed(
        self, method: Method, key: str, *, expires_s: int, content_type: str = "", filename: str = ""
    ) -> Signed:
        path = self.path_of(key)
        if method == "GET" and self._public_url and is_public(key):
            return Signed(method="GET", url=f"{self._public_url}/{key}")
        if not self._base_url:
            return self._unserved(method, path)
        query = signed_query(self._secret, method, key, expires_s=expires_s, filename=filename)
        headers = {"Content-Type": content_type} if method == "PUT" and content_type else {}
        return Signed(method=method, url=f"{self._base_url}/files/{key}?{query}", headers=headers)

    def refusal(self, method: str, key: str, query: Mapping[str, str]) -> str:
        """Why a request with that query is not allowed, in a sentence; empty where it is."""
        return refusal_of(self._secret, method, key, query)

    def path_of(self, key: str) -> Path:
        """Where the object lies, if it is there. Raises ValueError for what is no key."""
        return self._folder.joinpath(*check_key(key).split("/"))

    def _unserved(self, method: Method, path: Path) -> Signed:
        if method == "GET":
            return Signed(method="GET", url=path.as_uri())
        raise StorageError(
            f"the folder {self._folder} is served by nobody, so nothing can be sent to it by HTTP.",
            code="storage_not_served",
            remedy="Run apigpu serve, or name an object store in APIGPU_STORAGE.",
        )
