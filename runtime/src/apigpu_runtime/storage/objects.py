"""An object store: S3, or what speaks its protocol."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import obstore
from obstore import exceptions
from obstore.store import S3Store

from apigpu.errors import InputError
from apigpu_runtime.job import Signed
from apigpu_runtime.storage import Method, Stored, check_key
from apigpu_runtime.storage.content_types import content_type_of
from apigpu_runtime.storage.errors import StorageError
from apigpu_runtime.storage.rules import check_size, is_public, too_large
from apigpu_runtime.storage.signing import check_expiry

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, MemoryStore, S3Config

_CHUNK_BYTES = 8 << 20
"""Of a multipart upload; 10,000 of them are the most, so files have up to 80 GB."""
_VARIABLES = (
    "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION AWS_ENDPOINT_URL_S3 "
    "AWS_ENDPOINT_URL AWS_ENDPOINT AWS_VIRTUAL_HOSTED_STYLE_REQUEST AWS_SERVER_SIDE_ENCRYPTION AWS_SSE_KMS_KEY_ID "
    "AWS_UNSIGNED_PAYLOAD"
).split()
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")


def s3_store(bucket: str, prefix: str, environ: Mapping[str, str]) -> S3Store:
    """The bucket as the AWS_ variables of `environ` say. Raises InputError, code `bad_setting`."""
    config = {name.lower(): environ[name] for name in _VARIABLES if environ.get(name)}
    # Not all that speak S3 know the deletion of many at once, which obstore would use for one.
    config["aws_disable_bulk_delete"] = "true"
    endpoint = next((url for name, url in config.items() if name.startswith("aws_endpoint")), "")
    client: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=10),
        "timeout": timedelta(seconds=120),
    }
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=cast("S3Config", config),
            client_options=client,
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )
    except exceptions.BaseError:
        raise InputError(
            "the AWS_ variables make no sense together.",
            code="bad_setting",
            where="APIGPU_STORAGE",
            remedy="See docs/storage.md for those that are read.",
        ) from None


class ObjectStorage:
    """A bucket, or what lies below a prefix of it. With a `public_url`, finished files are had from there."""

    def __init__(self, store: S3Store | MemoryStore, *, public_url: str = "") -> None:
        self._store = store
        self._public_url = public_url.rstrip("/")

    async def put_file(self, key: str, path: Path, content_type: str) -> Stored:
        check_key(key)
        with _translated(key):
            attributes = {"Content-Type": content_type}
            await obstore.put_async(self._store, key, path, attributes=attributes, chunk_size=_CHUNK_BYTES)
        stored = await self.head(key)
        if stored is None or stored.size_bytes != path.stat().st_size:
            raise StorageError(f"{key} did not arrive whole.", retryable=True)
        return stored

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], content_type: str, *, max_bytes: int
    ) -> Stored:
        arriving = _Arriving(chunks, max_bytes)
        check_key(key)
        with _translated(key):
            attributes = {"Content-Type": content_type}
            await obstore.put_async(self._store, key, arriving, attributes=attributes, chunk_size=_CHUNK_BYTES)
        return Stored(key, arriving.size_bytes, content_type_of(key), arriving.md5)

    async def read(self, key: str, *, max_bytes: int) -> bytes | None:
        check_key(key)
        with _translated(key), suppress(FileNotFoundError):
            found = await obstore.get_async(self._store, key)
            check_size(_stored(key, found.meta), max_bytes)
            return bytes(await found.bytes_async())
        return None

    async def head(self, key: str) -> Stored | None:
        check_key(key)
        with _translated(key), suppress(FileNotFoundError):
            return _stored(key, await obstore.head_async(self._store, key))
        return None

    async def delete(self, key: str) -> None:
        check_key(key)
        with _translated(key), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)

    def signed(
        self, method: Method, key: str, *, expires_s: int, content_type: str = "", filename: str = ""
    ) -> Signed:
        """A GET is saved under the last part of the key; `filename` changes nothing here."""
        check_key(key)
        if method == "GET" and self._public_url and is_public(key):
            return Signed(method="GET", url=f"{self._public_url}/{key}")
        assert isinstance(self._store, S3Store), "a store in memory signs nothing"
        with _translated(key):
            url = obstore.sign(self._store, method, key, timedelta(seconds=check_expiry(expires_s)))
        headers = {"Content-Type": content_type} if method == "PUT" and content_type else {}
        return Signed(method=method, url=url, headers=headers)


class _Arriving:
    """Counts what passes, and ends the upload where it grows too large."""

    def __init__(self, chunks: AsyncIterator[bytes], max_bytes: int) -> None:
        self._chunks = chunks
        self._max_bytes = max_bytes
        self._hash = hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0

    @property
    def md5(self) -> str:
        return self._hash.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size_bytes += len(chunk)
            if self.size_bytes > self._max_bytes:
                raise too_large(self._max_bytes)
            self._hash.update(chunk)
            yield chunk


def _stored(key: str, meta: ObjectMeta) -> Stored:
    # Of an upload in parts, or of one encrypted by a key of the store's, the tag is another thing.
    md5 = _MD5.fullmatch(meta["e_tag"] or "")
    return Stored(key, meta["size"], content_type_of(key), md5[1] if md5 else "")


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """obstore's errors become sentences. Theirs hold addresses and the store's whole answer, which may name keys."""
    try:
        yield
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise StorageError(
            f"the object store refuses its credentials{_code(error)}.",
            code="storage_denied",
            remedy="Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and what the key may do.",
        ) from None
    except (FileNotFoundError, exceptions.NotFoundError) as error:
        raise StorageError(
            f"the object store has no place for {key}{_code(error)}.",
            code="storage_denied",
            remedy="Check that the bucket in APIGPU_STORAGE exists.",
        ) from None
    except exceptions.BaseError as error:
        raise StorageError(
            f"the object store failed{_code(error)}.",
            remedy="Try again; if it stays so, check AWS_ENDPOINT_URL.",
            retryable=True,
        ) from None


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return f" ({found[1]})" if found else ""
