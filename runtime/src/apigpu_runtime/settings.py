"""The environment, read once: the only file of the runtime that looks at it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apigpu.errors import InputError

DEFAULT_MAX_DOWNLOAD_BYTES = 4 * 1024**3
DEFAULT_FETCH_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides.

    `work_dir` is where a run keeps its temporary files (None: the system's place for them). A download ends
    with an error after `max_download_bytes` or `fetch_timeout_s` seconds. `environ` is the environment
    itself, for the search for FFmpeg.
    """

    work_dir: Path | None = None
    max_download_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES
    fetch_timeout_s: float = DEFAULT_FETCH_TIMEOUT_S
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process: APIGPU_WORK_DIR, APIGPU_MAX_DOWNLOAD_BYTES, APIGPU_FETCH_TIMEOUT_S.

        Raises InputError for a value that makes no sense.
        """
        found = dict(os.environ if environ is None else environ)
        return cls(
            work_dir=_folder(found, "APIGPU_WORK_DIR"),
            max_download_bytes=int(_number(found, "APIGPU_MAX_DOWNLOAD_BYTES", DEFAULT_MAX_DOWNLOAD_BYTES)),
            fetch_timeout_s=_number(found, "APIGPU_FETCH_TIMEOUT_S", DEFAULT_FETCH_TIMEOUT_S),
            environ=found,
        )


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "")
    if not text:
        return None
    folder = Path(text).expanduser().absolute()
    if not folder.is_dir():
        raise InputError(f"the folder {text} does not exist.", code="bad_setting", where=name)
    return folder


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(f"needs a positive number, not {text!r}.", code="bad_setting", where=name)
    return value
