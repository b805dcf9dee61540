"""Requests from other machines: a media field is then an http(s) address, never a path on this one."""

from __future__ import annotations

import re

from apigpu.errors import InputError
from apigpu.media.fields import MediaRef
from apigpu_runtime.addresses import without_secrets
from apigpu_runtime.request import JobRequest

WEB_ADDRESS = r"^https?://[^\x00-\x20/?#][^\x00-\x1f]*$"
"""An address over HTTP as people write them, with letters of any language; what cannot be called fails later."""

_HTTP = re.compile(WEB_ADDRESS, re.IGNORECASE)
_LOGIN = re.compile(r"^[^/:]*:[^/]*@")
"""Where somebody left the scheme out."""
_SHOWN_CHARACTERS = 60


def refuse_local_paths(request: JobRequest) -> None:
    """Raises InputError, code `local_path`, for every media address that is not http(s).

    On the command line a path is the user's own file; in a request it would be a file of the worker.
    """
    faults = [_fault(ref) for ref in request.refs() if not _HTTP.fullmatch(ref.url)]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "\n  ".join(str(fault) for fault in faults)
        raise InputError(f"{len(faults)} addresses are no URLs:\n  {lines}", code="local_path", faults=faults)


def _fault(ref: MediaRef) -> InputError:
    text = _LOGIN.sub("", without_secrets(ref.url).partition("?")[0])
    text = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
    return InputError(
        f"must be an http(s) URL, not {text!r}.",
        code="local_path",
        where=ref.where,
        remedy="Files are sent as multipart/form-data, or by POST /uploads first.",
    )
