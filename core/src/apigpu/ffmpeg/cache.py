"""What binaries told about themselves, kept on disk so that a warm start asks none of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

_SCHEMA = 1


def cache_folder(environ: Mapping[str, str]) -> Path:
    """APIGPU_CACHE_DIR, else apigpu's folder in the user's cache folder. It need not exist."""
    if chosen := environ.get("APIGPU_CACHE_DIR"):
        return Path(chosen)
    if xdg := environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "apigpu"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".cache" / "apigpu"


class BinaryCache:
    """One JSON file per binary, good for as long as the binary keeps its size and its time of change.

    An unreadable, foreign or outdated file counts as empty; a folder that cannot be written is not an error.
    """

    def __init__(self, folder: Path, binary: str) -> None:
        stat = os.stat(binary)
        self._key = {"schema": _SCHEMA, "path": binary, "mtime_ns": stat.st_mtime_ns, "size": stat.st_size}
        self._file = folder / f"{Path(binary).name}-{hashlib.sha256(binary.encode()).hexdigest()[:16]}.json"

    def read(self) -> dict[str, Any]:
        """The facts kept, or an empty dictionary."""
        try:
            kept = json.loads(self._file.read_bytes())
            matches = all(kept["binary"][name] == value for name, value in self._key.items())
            return dict(kept["facts"]) if matches else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}

    def write(self, facts: Mapping[str, Any]) -> None:
        """Replace the facts kept; readers see the old ones or the new ones, never a half."""
        content = json.dumps({"binary": self._key, "facts": facts}, separators=(",", ":"), sort_keys=True)
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=self._file.parent, prefix=".", delete=False) as draft:
                draft.write(content)
            try:
                os.replace(draft.name, self._file)
            except OSError:
                os.unlink(draft.name)
