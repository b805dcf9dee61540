"""Where a webhook goes. Its URL is sent byte for byte as written: n8n signs its own, and refuses any change."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx2

from apigpu.errors import InputError
from apigpu_runtime.guard import check_address
from apigpu_runtime.settings import Settings

# Up to the fragment, which no request carries.
_URL = re.compile(r"(https?)://([^/?#\\]+)((?:[/?][^#]*)?)(?:#.*)?", re.DOTALL)
_WRITABLE = re.compile(r"[\x21-\x7e]*")


@dataclass(frozen=True)
class Receiver:
    """A URL in the two parts that a request needs."""

    base: httpx2.URL
    """`scheme://host:port/`."""
    target: bytes
    """Path and query, as written."""

    @property
    def origin(self) -> str:
        return str(self.base).rstrip("/")

    @classmethod
    def of(cls, url: str) -> Receiver:
        """Raises InputError."""
        found = _URL.fullmatch(url)
        if not found:
            raise _unusable("must be an http or https URL.")
        if not _WRITABLE.fullmatch(url):
            raise _unusable("has characters that no URL has.", "Write blanks and accents percent-encoded, as %20.")
        scheme, place, rest = found.groups()
        try:
            base = httpx2.URL(f"{scheme}://{place}/")
        except httpx2.InvalidURL:
            base = httpx2.URL()
        if not base.host or base.path != "/":
            raise _unusable("has no usable host.")
        return cls(base, (rest if rest.startswith("/") else f"/{rest}").encode("ascii"))


def check_webhook_url(url: object, settings: Settings, *, where: str = "webhook_url") -> None:
    """Raises InputError for a URL that no webhook can go to, as far as that shows without looking its host up.
    What is no text at all is for the request's model to refuse."""
    if not isinstance(url, str):
        return
    try:
        check_address(Receiver.of(url).base, hosts=settings.webhook_hosts, setting="APIGPU_WEBHOOK_HOSTS")
    except InputError as error:
        error.where = where
        raise


def shown_url(url: str) -> str:
    """The URL for people and logs: its query may be a secret."""
    return url.partition("?")[0] + ("?..." if "?" in url else "")


def _unusable(message: str, remedy: str = "") -> InputError:
    return InputError(message, code="invalid_input", where="webhook_url", remedy=remedy)
