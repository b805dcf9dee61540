"""The output takes its place in one move, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from apigpu.compiler.containers import CONTAINERS
from apigpu.errors import InputError

STILL = "png"
"""The container of a preview; a render does not make it."""


def container_of(output: Path, *, still: bool = False) -> str:
    """The container that the file's ending asks for. Raises InputError that names the choices."""
    ending = output.suffix.removeprefix(".").lower()
    choices = [STILL] if still else [name for name in CONTAINERS if name != STILL]
    if ending in choices:
        return ending
    raise InputError(
        f"the name {output.name!r} does not end in a container that can be written.",
        code="unknown_container",
        where="output",
        remedy=f"End it with {' or '.join(f'.{name}' for name in choices)}.",
    )


def check_output(output: Path, inputs: Iterable[Path]) -> None:
    """Refuse an output that could not be written or would destroy an input. Raises InputError."""
    try:
        _check_output(output, inputs)
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise InputError(
            f"{output} cannot be written: {error.strerror}.",
            code="output_not_writable",
            where="output",
            remedy="Name another one.",
        ) from None


def _check_output(output: Path, inputs: Iterable[Path]) -> None:
    if not output.parent.is_dir():
        raise InputError(
            f"there is no folder {output.parent}.",
            code="output_folder_missing",
            where="output",
            remedy="Make it first.",
        )
    if output.is_dir():
        raise InputError(
            f"{output} is a folder.", code="output_not_writable", where="output", remedy="Name a file in it."
        )
    if output.exists() and not output.is_file():
        raise InputError(
            f"{output} is no regular file.", code="output_not_writable", where="output", remedy="Name another one."
        )
    if shutil.disk_usage(output.parent).free == 0:
        raise disk_full(output)
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise InputError(
            f"{output} is one of the inputs.",
            code="output_is_input",
            where="output",
            remedy="Name another output file.",
        )


def disk_full(output: Path) -> InputError:
    """The error for a folder whose disk is full."""
    return InputError(
        f"the disk of {output.parent} is full.",
        code="output_folder_full",
        where="output",
        remedy="Make room, or choose another.",
    )


@contextmanager
def placed(output: Path) -> Iterator[Path]:
    """A file beside `output` to write into; it becomes `output` if the block ends well, else it vanishes.

    Raises InputError where the folder takes no file.
    """
    final = output.resolve()
    part = _made_beside(final)
    try:
        yield part
        os.chmod(part, _mode_of_new_files())
        os.replace(part, final)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _made_beside(final: Path) -> Path:
    try:
        handle, name = mkstemp(prefix=f".{final.stem[:40]}.part-", suffix=final.suffix, dir=final.parent)
    except OSError as error:
        raise InputError(
            f"no file can be written in {final.parent}: {error.strerror}.",
            code="output_not_writable",
            where="output",
            remedy="Choose another folder.",
        ) from None
    os.close(handle)
    return Path(name)


def _mode_of_new_files() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
