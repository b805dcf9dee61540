"""The `Idempotency-Key` header."""

from __future__ import annotations

import re

from apigpu_runtime.proxy.refusals import malformed

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def idempotency_key(header: str | None) -> str:
    """The key, empty where none was sent. Quotes around it, as in the header's draft, are not part of it."""
    if header is None:
        return ""
    key = header.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise malformed(
            "must be 1 to 255 printable ASCII characters.", code="invalid_idempotency_key", where="Idempotency-Key"
        )
    return key
