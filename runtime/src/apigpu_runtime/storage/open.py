"""Which store the settings name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from apigpu.errors import InputError
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.folder import FolderStorage


def open_storage(
    settings: Settings, *, folder: Path | None = None, base_url: str = "", secret: bytes = b""
) -> Storage | None:
    """The store that APIGPU_STORAGE names; without one, `folder`; without that, None.

    `base_url` is where `file_routes` serves a folder, and `secret` signs its addresses. Raises InputError, code
    `bad_setting`, for what names no store, StorageError where a folder cannot be made.
    """
    public_url = settings.storage_public_url
    if not settings.storage:
        return FolderStorage(folder, base_url, secret, public_url=public_url) if folder else None
    try:
        parts = urlsplit(settings.storage)
    except ValueError:
        raise _no_store(settings.storage) from None
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise _no_store(settings.storage)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
        return FolderStorage(Path(unquote(parts.path)), base_url, secret, public_url=public_url)
    if parts.scheme == "s3" and len(parts.netloc) >= 3:
        return _bucket(settings, parts)
    raise _no_store(settings.storage)


def _bucket(settings: Settings, parts: SplitResult) -> Storage:
    # Imported where it is used: it brings a library of 15 MB.
    from apigpu_runtime.storage.objects import ObjectStorage, s3_store

    store = s3_store(parts.netloc, parts.path.strip("/"), settings.environ)
    return ObjectStorage(store, public_url=settings.storage_public_url)


def _no_store(text: str) -> InputError:
    # Whoever writes a password there would find it in the log.
    shown = text.partition("?")[0].rpartition("@")[2]
    return InputError(
        f"{shown!r} names no store.",
        code="bad_setting",
        where="APIGPU_STORAGE",
        remedy="There are: s3://BUCKET or s3://BUCKET/PREFIX, also for what is compatible with S3; file:///FOLDER; "
        "or nothing, for the folder of apigpu serve.",
    )
