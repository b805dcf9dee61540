"""Where jobs come from: RunPod has set it in the environment, or `--join` names a plane."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from apigpu.errors import InputError

GET_JOB = "RUNPOD_WEBHOOK_GET_JOB"
_KEY = "RUNPOD_AI_API_KEY"
_ENDPOINT = "/v2/local"
# The SDK appends `&...` to each address, so each has a query; RunPod's names the kind of GPU.
_PATHS = {
    GET_JOB: "job-take/$ID?gpu=local",
    "RUNPOD_WEBHOOK_POST_OUTPUT": "job-done/$RUNPOD_POD_ID/$ID?gpu=local",
    "RUNPOD_WEBHOOK_POST_STREAM": "job-stream/$RUNPOD_POD_ID/$ID?gpu=local",
    "RUNPOD_WEBHOOK_PING": "ping/$RUNPOD_POD_ID?gpu=local",
}


def queue_environment(environ: Mapping[str, str], *, join: str | None, token: str) -> dict[str, str]:
    """The environment that the SDK needs, to work for RunPod or for the plane at `join`.

    Raises InputError, code `no_queue`, where neither is there.
    """
    if join is not None:
        return {**environ, **_joined(environ, join, token)}
    if not environ.get(GET_JOB):
        raise InputError(
            f"there is nothing to take jobs from: RunPod sets {GET_JOB} in its containers, and here it is not set.",
            code="no_queue",
            remedy="To work for an apigpu serve, say apigpu worker --join http://HOST:8000 --token KEY.",
        )
    return dict(environ)


def trusted_files(join: str) -> str:
    """Where the server at `join` keeps its own files, which a worker of its may fetch and put: mostly a private
    address."""
    return f"{_checked(join)}/files/"


def _joined(environ: Mapping[str, str], join: str, token: str) -> dict[str, str]:
    base = f"{_checked(join)}{_ENDPOINT}"
    worker_id = f"{_host_name()}-{secrets.token_hex(4)}"
    urls = {name: f"{base}/{path}" for name, path in _PATHS.items()}
    # Without any key the SDK sends no heartbeats; a plane that asks for none ignores it.
    return {**urls, _KEY: token or environ.get(_KEY) or "none", "RUNPOD_POD_ID": worker_id}


def _checked(join: str) -> str:
    parts = urlsplit(join)
    try:
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or parts.query or parts.fragment or parts.username is not None:
        raise InputError(
            "must be the address of an apigpu serve.", where="join", remedy="Write it like http://192.168.1.20:8000."
        )
    return join.rstrip("/").removesuffix(_ENDPOINT)


def _host_name() -> str:
    return quote("".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())[:40]) or "worker"
