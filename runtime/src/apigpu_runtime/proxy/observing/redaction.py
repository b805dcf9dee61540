"""What must not stand in a log or a message is taken out of it: keys, signatures, and whatever follows a `?`."""

from __future__ import annotations

import re

_HIDDEN = "..."
_RULES = (
    # Logins in addresses, then queries: presigned URLs carry their signature there, n8n's its token.
    (re.compile(r"(\w+://)[^\s/@'\"]+@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(\w+://[^\s?'\"<>]*\?)[^\s'\"<>]*"), rf"\1{_HIDDEN}"),
    (re.compile(r"\b(ak_[0-9a-z]{8}_)[0-9A-Za-z]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"\b(whsec_|rpa_|Bearer\s+|v1,)[A-Za-z0-9+/=_.-]{8,}", re.IGNORECASE), rf"\1{_HIDDEN}"),
    (
        re.compile(
            r"(?i)\b((?:x-amz-)?(?:signature|credential|security-token)|x-api-key|authorization|api[_-]?key|secret"
            r"|password|token)(['\"]?\s*[=:]\s*['\"]?)(?!Bearer)[^\s'\"&,;)}]{4,}"
        ),
        rf"\1\2{_HIDDEN}",
    ),
)


# Most of what is logged is a word or a number, and needs no more than this look.
_SUSPECT = re.compile(r"[?@=:]|ak_|whsec_|rpa_|v1,|bearer", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text without secrets."""
    if not _SUSPECT.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
