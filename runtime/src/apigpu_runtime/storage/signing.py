"""Addresses of files of this machine that whoever holds them may use for a while: signed by HMAC."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from urllib.parse import urlencode

MAX_EXPIRES_S = 7 * 24 * 3600
"""As long as S3 allows, so that every store is the same."""

_EXPIRES = re.compile(r"[0-9]{1,12}")
_MIN_SECRET_BYTES = 16


def check_expiry(expires_s: int) -> int:
    """The same, if a signature may live so long. Raises ValueError."""
    if not 0 < expires_s <= MAX_EXPIRES_S:
        raise ValueError(f"a signed address lives 1 to {MAX_EXPIRES_S} seconds, not {expires_s}")
    return expires_s


def signed_query(secret: bytes, method: str, key: str, *, expires_s: int, filename: str = "") -> str:
    """The query that lets its holder do `method` with `key` until it expires."""
    if len(secret) < _MIN_SECRET_BYTES:
        raise ValueError(f"a secret of {len(secret)} bytes signs nothing; {_MIN_SECRET_BYTES} is the least")
    expires = str(int(time.time()) + check_expiry(expires_s))
    query = {"expires": expires, "signature": _signature(secret, method, key, expires, filename)}
    return urlencode(query | ({"filename": filename} if filename else {}))


def refusal_of(secret: bytes, method: str, key: str, query: Mapping[str, str]) -> str:
    """Why the query of a request allows it not, in a sentence; empty where it does."""
    expires, signature = query.get("expires", ""), query.get("signature", "")
    if not expires or not signature:
        return "This address is signed, and its signature is missing."
    is_sound = _EXPIRES.fullmatch(expires) is not None and len(secret) >= _MIN_SECRET_BYTES
    wanted = _signature(secret, method, key, expires, query.get("filename", ""))
    if not hmac.compare_digest(wanted.encode(), signature.encode()) or not is_sound:
        return f"This address was altered, or is not for {method}."
    return "This address has expired." if int(expires) < time.time() else ""


def _signature(secret: bytes, method: str, key: str, expires: str, filename: str) -> str:
    # The length in front keeps parts from flowing into each other.
    parts = (method, key, expires, filename)
    text = "\n".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
