"""Files on their way into a folder: each appears whole and lasting, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from apigpu_runtime.storage.errors import StorageError

_ABANDONED_S = 24 * 3600.0
_MD5_ATTRIBUTE = "user.apigpu.md5"


class Arrival:
    """A file that is being written. It takes its place by `arrive`, or goes."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._hash = hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0

    @property
    def md5(self) -> str:
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        with translated("written"):
            self._file.write(chunk)
        self._hash.update(chunk)
        self.size_bytes += len(chunk)

    def arrive(self, target: Path) -> None:
        """Put the file where it belongs, in place of what was there."""
        with translated("written"):
            self._file.flush()
            # Without extended attributes the digest is not remembered: the store then does not tell.
            with suppress(OSError, AttributeError):
                os.setxattr(self._path, _MD5_ATTRIBUTE, self.md5.encode())
            os.fsync(self._file.fileno())
            _place(self._path, target)


@contextmanager
def arriving(folder: Path) -> Iterator[Arrival]:
    """A new file in `folder`; what has not arrived at the end of the block is gone."""
    path = folder / uuid.uuid4().hex
    with translated("written"):
        file = path.open("xb")
    with file:
        try:
            yield Arrival(file, path)
        finally:
            with suppress(FileNotFoundError):
                path.unlink()


def remembered_md5(path: Path) -> str:
    """Hexadecimal; empty where the file system does not remember it."""
    with suppress(OSError, AttributeError):
        return os.getxattr(path, _MD5_ATTRIBUTE).decode("ascii", "replace")
    return ""


def sweep(folder: Path) -> None:
    """Remove what processes that were killed have left."""
    for path in folder.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - _ABANDONED_S:
                path.unlink()


@contextmanager
def translated(done: str) -> Iterator[None]:
    """Errors of the file system become StorageError: a file cannot be `done`."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError("the store's disk is full.", code="storage_full", retryable=True) from error
        raise StorageError(f"a file of the store cannot be {done}: {error.strerror}.") from error


def _place(path: Path, target: Path) -> None:
    # Whoever deletes takes away folders that are empty, maybe this one just now; mkdir then takes it for a file.
    for _ in range(10):
        with suppress(FileNotFoundError, FileExistsError):
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            return
    raise StorageError("a file of the store could not be put into place.", retryable=True)
