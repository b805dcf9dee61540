"""Work folders of processes that were killed: told from those in use by a lock, which ends with its process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where nothing is swept
    fcntl = None  # type: ignore[assignment]

PREFIX = "apigpu-"
_LOCK = ".lock"


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """While the block lasts, `sweep` leaves the folder alone; once the process is gone, it does not."""
    with (folder / _LOCK).open("w") as lock:
        _try_lock(lock.fileno())
        yield


def sweep(parent: Path) -> int:
    """Remove what killed processes have left in the folder of all work folders; how many there were."""
    return sum(_removed(folder) for folder in parent.glob(f"{PREFIX}*"))


def _removed(folder: Path) -> bool:
    with suppress(OSError), (folder / _LOCK).open("r+") as lock:
        if _try_lock(lock.fileno()):
            shutil.rmtree(folder, ignore_errors=True)
            return True
    return False


def _try_lock(file: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
