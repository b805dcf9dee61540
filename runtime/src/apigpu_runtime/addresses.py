"""Addresses as messages show them."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^\s/?#'\"<>]*@)?([^\s?#'\"<>]*)(?:[?#][^\s'\"<>]*)?", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """The text with all addresses in it, but none of their logins and queries: those may be keys to something."""
    return _ADDRESS.sub(r"\1\2", text)
