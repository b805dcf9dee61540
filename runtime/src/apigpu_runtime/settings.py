"""The environment, read once: the only file of the runtime that looks at it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apigpu.errors import InputError

DEFAULT_MAX_DOWNLOAD_BYTES = 4 * 1024**3
DEFAULT_FETCH_TIMEOUT_S = 600.0
DEFAULT_RETENTION_S = 7 * 24 * 3600.0
DEFAULT_IDLE_TIMEOUT_S = 300.0
DEFAULT_EXECUTION_TIMEOUT_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides.

    Addresses in `trusted_urls` are prefixes that the guard lets pass although they are private: the proxy's own
    files, a store in the same network. `webhook_hosts` are private `host:port` that webhooks may go to. `storage`
    says where results lie: empty for the default, `s3://bucket/prefix`, or `file:///folder`. `environ` is the
    environment itself, for the search for FFmpeg and the object store's own variables.
    """

    work_dir: Path | None = None
    """Where a run keeps its temporary files; None: the system's place for them."""
    guarded: bool = True
    """Requests come from elsewhere: no paths of this machine, and no addresses of its private network but the trusted
    ones. Off only where whoever asks sits at this machine, as for `apigpu render`."""
    max_download_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES
    fetch_timeout_s: float = DEFAULT_FETCH_TIMEOUT_S
    trusted_urls: tuple[str, ...] = ()
    webhook_hosts: tuple[str, ...] = ()
    storage: str = ""
    storage_public_url: str = ""
    """Where the store's objects can be had without a signature, such as a CDN; empty: by signed addresses."""
    usd_per_s: float | None = None
    """Price of a second of the worker's machine, for the cost in results."""
    runpod_api_key: str = field(default="", repr=False)
    runpod_api_url: str = "https://api.runpod.ai/v2"
    """The endpoint API."""
    runpod_rest_url: str = "https://api.runpod.io/v2"
    """The API that endpoints are configured with."""
    webhook_secret: str = field(default="", repr=False)
    """`whsec_...` of Standard Webhooks; several, the newest first, separated by spaces. Empty: one is made."""
    retention_s: float = DEFAULT_RETENTION_S
    """How long finished jobs, their files and uploads are kept by the proxy."""
    idle_timeout_s: float = DEFAULT_IDLE_TIMEOUT_S
    """After so long without a job a worker on this machine ends."""
    execution_timeout_s: float = DEFAULT_EXECUTION_TIMEOUT_S
    """A job that renders for so long is ended by the endpoint. RunPod takes 5 s to 7 days; told nothing, it gives 10
    minutes."""
    target: str = "auto"
    """What a worker renders on, by the names of `--target`: with `cuda` it takes no jobs where CUDA does not work."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, *, guarded: bool = True) -> Settings:
        """The settings of this process. Raises InputError for a value that makes no sense."""
        found = dict(os.environ if environ is None else environ)
        price = found.get("APIGPU_USD_PER_S", "")
        return cls(
            work_dir=_folder(found, "APIGPU_WORK_DIR"),
            guarded=guarded,
            max_download_bytes=int(_number(found, "APIGPU_MAX_DOWNLOAD_BYTES", DEFAULT_MAX_DOWNLOAD_BYTES)),
            fetch_timeout_s=_number(found, "APIGPU_FETCH_TIMEOUT_S", DEFAULT_FETCH_TIMEOUT_S),
            trusted_urls=_words(found, "APIGPU_TRUSTED_URLS"),
            webhook_hosts=_words(found, "APIGPU_WEBHOOK_HOSTS"),
            storage=found.get("APIGPU_STORAGE", ""),
            storage_public_url=found.get("APIGPU_STORAGE_PUBLIC_URL", "").rstrip("/"),
            usd_per_s=_number(found, "APIGPU_USD_PER_S", 0.0) if price else None,
            runpod_api_key=found.get("RUNPOD_API_KEY", ""),
            runpod_api_url=found.get("APIGPU_RUNPOD_API_URL", cls.runpod_api_url).rstrip("/"),
            runpod_rest_url=found.get("APIGPU_RUNPOD_REST_URL", cls.runpod_rest_url).rstrip("/"),
            webhook_secret=found.get("APIGPU_WEBHOOK_SECRET", ""),
            retention_s=3600 * _number(found, "APIGPU_RETENTION_HOURS", DEFAULT_RETENTION_S / 3600),
            execution_timeout_s=_number(found, "APIGPU_EXECUTION_TIMEOUT_S", DEFAULT_EXECUTION_TIMEOUT_S),
            idle_timeout_s=_number(found, "APIGPU_IDLE_TIMEOUT_S", DEFAULT_IDLE_TIMEOUT_S),
            target=found.get("APIGPU_TARGET") or cls.target,
            environ=found,
        )


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word for part in environ.get(name, "").split(",") if (word := part.strip()))


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
