"""What `apigpu serve` is told, and the folder in which it keeps what must not be lost."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from apigpu.errors import SetupError

DEFAULT_PORT = 8000
DEFAULT_WAIT_S = 25.0


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """`public_url` is how clients and workers reach this server; empty: by `host` and the port that was taken.

    `runpod` is the id of the RunPod endpoint that renders; empty: workers on this machine, at most `max_workers` at
    once, and whatever joins from elsewhere.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    public_url: str = ""
    runpod: str = ""
    max_workers: int = 1
    wait_s: float = DEFAULT_WAIT_S
    """How long a request waits for its result by itself before it is answered with 202."""


@dataclass(frozen=True)
class DataFolder:
    """The files of one server. Nobody else on the machine may look inside."""

    path: Path

    @classmethod
    def made(cls, path: Path) -> DataFolder:
        """Raises SetupError where the folder cannot be made or written."""
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            (path / "files").mkdir(exist_ok=True, mode=0o700)
            os.utime(path)
        except OSError as error:
            raise SetupError(
                f"{path} cannot be used as a folder for data: {error.strerror}.",
                code="data_folder_unusable",
                where="data-dir",
                remedy="Name another one with --data-dir.",
            ) from error
        return cls(path)

    @property
    def files(self) -> Path:
        return self.path / "files"

    @property
    def keys(self) -> Path:
        return self.path / "keys.sqlite3"

    @property
    def jobs(self) -> Path:
        return self.path / "jobs.sqlite3"

    @property
    def plane(self) -> Path:
        return self.path / "plane.sqlite3"

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder is this process's alone. Raises SetupError where another server has it."""
        # The lock ends with the process, however that ends.
        with (self.path / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SetupError(
                    f"another apigpu serve is using {self.path}.",
                    code="data_folder_in_use",
                    where="data-dir",
                    remedy="Stop it, or name another folder with --data-dir.",
                ) from None
            yield

    def secret(self, name: str) -> bytes:
        """32 bytes that this server made once, for signatures of its own."""
        path = self.path / f"{name}.secret"
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        made = secrets.token_bytes(32)
        part = path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
        part.replace(path)
        return made


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """APIGPU_DATA_DIR, or by the XDG base directory specification: `~/.local/share/apigpu`."""
    if named := environ.get("APIGPU_DATA_DIR", ""):
        return Path(named).expanduser().absolute()
    base = environ.get("XDG_DATA_HOME", "")
    return Path(base if os.path.isabs(base) else "~/.local/share").expanduser() / "apigpu"
