"""From the addresses in a request to files on this machine: paths are checked, http(s) is downloaded."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import stat
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from apigpu.errors import ApiGpuError, InputError
from apigpu.media.fields import MediaRef
from apigpu_runtime.settings import Settings

AT_ONCE = 4
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://|(data|blob|pipe|file):", re.IGNORECASE)

Key = TypeVar("Key")
Result = TypeVar("Result")


async def fetch_all(
    refs: Iterable[MediaRef],
    *,
    base: Path,
    folder: Path,
    settings: Settings,
    direct: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Path]:
    """Where the file of each address lies; each address is fetched once, from its `direct` one if there is such.

    Paths are relative to `base`; downloads go into `folder`. With `settings.guarded` there are no paths. Raises
    InputError with the field's place.
    """
    first: dict[str, MediaRef] = {}
    for ref in refs:
        first.setdefault(ref.url, ref)
    local = {url: path for url, ref in first.items() if (path := _local(ref, base, settings)) is not None}
    distant = [ref for url, ref in first.items() if url not in local]
    targets = {ref.url: folder / f"download-{number}{_suffix(ref.url)}" for number, ref in enumerate(distant)}

    async def download(ref: MediaRef) -> Path:
        from apigpu_runtime.download import download_to

        with at(ref.where):
            address = direct.get(ref.url, ref.url)
            await download_to(targets[ref.url], address, settings=settings, written=ref.url)
        return targets[ref.url]

    found = await bounded(distant, download)
    return local | {ref.url: path for ref, path in found.items()}


async def bounded(keys: Iterable[Key], work: Callable[[Key], Awaitable[Result]]) -> dict[Key, Result]:
    """`work` done for every key, a few at once; the first failure ends the others and is raised as it is."""
    gate = asyncio.Semaphore(AT_ONCE)
    results: dict[Key, Result] = {}

    async def one(key: Key) -> None:
        async with gate:
            results[key] = await work(key)

    ordered = list(keys)
    try:
        async with asyncio.TaskGroup() as group:
            for key in ordered:
                group.create_task(one(key))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return {key: results[key] for key in ordered}


@contextmanager
def at(where: str) -> Iterator[None]:
    """Errors that do not say where they arose get the place of the field that is being worked on."""
    try:
        yield
    except ApiGpuError as error:
        error.where = error.where or where
        raise


def _local(ref: MediaRef, base: Path, settings: Settings) -> Path | None:
    """The checked path of a local file, or None for an address that must be downloaded."""
    scheme = _SCHEME.match(ref.url)
    word = (scheme[1] or scheme[2]).lower() if scheme else ""
    if word in {"http", "https"}:
        return None
    if settings.guarded and word in {"", "file"}:
        raise _refused(ref, "this is no address that can be fetched.", "Give an http(s) URL, or upload the file.")
    if word not in {"", "file"}:
        raise _refused(ref, f"{word}: addresses are not served.", "Give a path, or an http(s) URL.")
    text = _path_of_file_url(ref) if word == "file" else ref.url
    return _checked(ref, text, base)


def _path_of_file_url(ref: MediaRef) -> str:
    parts = urlsplit(ref.url)
    if parts.netloc not in {"", "localhost"}:
        raise _refused(ref, f"a file: URL cannot name another machine ({parts.netloc}).", "Write file:///path.")
    return unquote(parts.path)


def _checked(ref: MediaRef, text: str, base: Path) -> Path:
    path = base / text
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(ref, path) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _refused(ref, f"{text!r} cannot be opened: {reason}.") from None
    if stat.S_ISDIR(found.st_mode):
        raise _refused(ref, f"{path} is a folder.", "Name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise _refused(ref, f"{path} is no regular file.", "Save its content to a file first.")
    if not os.access(path, os.R_OK):
        raise _refused(ref, f"{path} may not be read by this user.", "Change its permissions.")
    if found.st_size == 0:
        raise InputError(f"{path} is empty (0 bytes).", code="empty_file", where=ref.where)
    return path.absolute()


def _missing(ref: MediaRef, path: Path) -> InputError:
    folder = path.parent
    if not folder.is_dir():
        return InputError(f"there is no folder {folder}.", code="file_not_found", where=ref.where)
    near = difflib.get_close_matches(path.name, os.listdir(folder), n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "Check the name; paths are relative to this folder."
    return InputError(
        f"there is no file {path.name!r} in {folder}.", code="file_not_found", where=ref.where, remedy=hint
    )


def _refused(ref: MediaRef, message: str, remedy: str = "") -> InputError:
    return InputError(message, code="unreadable_file", where=ref.where, remedy=remedy)


def _suffix(url: str) -> str:
    """The file-name ending in a URL if it is a harmless one; nothing else of the URL reaches a path."""
    path = re.split("[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    found = re.search(r"\.[A-Za-z0-9]{1,5}$", path)
    return found[0].lower() if found else ""
