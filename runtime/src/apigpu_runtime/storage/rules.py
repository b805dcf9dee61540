"""What holds for every store."""

from __future__ import annotations

from apigpu.errors import InputError
from apigpu_runtime.storage import Stored
from apigpu_runtime.storage.errors import StorageError


def is_public(key: str) -> bool:
    """Finished files may be had from a CDN; uploads and envelopes are for those alone who hold a signature."""
    return key.startswith("jobs/") and not key.endswith(".json")


def too_large(max_bytes: int) -> InputError:
    """For what is being sent."""
    return InputError(f"the file is larger than {max_bytes} bytes.", code="too_large", remedy="Send a smaller file.")


def check_size(stored: Stored, max_bytes: int) -> None:
    """Raises StorageError for an object that is too large to be read whole."""
    if stored.size_bytes > max_bytes:
        raise StorageError(f"{stored.key} has {stored.size_bytes} bytes, which is more than {max_bytes}.")


def bad_digest(message: str) -> InputError:
    """For what arrived otherwise than it was sent."""
    return InputError(message, code="bad_digest", remedy="Send it again.")
