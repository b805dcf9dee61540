"""What leaves a worker in words holds no secret: no query of an address, no login, no value of a secret variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from apigpu_runtime.envelope import Failure

HIDDEN = "[hidden]"

_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)([^\s'\"<>]+)")
_SIGNATURE = re.compile(r"(?i)\b(x-(?:amz|goog)-[a-z-]+|signature|sig|token|api[_-]?key|password|secret)=[^&\s'\"]+")
_SECRET_NAME = re.compile(r"(?i)(KEY|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL)")
_SHORTEST = 8


class Redactor:
    """Takes secrets out of texts: those that look like one, and those that it was told."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        told = {part for secret in secrets for part in (secret, unquote(secret)) if len(part) >= _SHORTEST}
        self._secrets = sorted(told, key=len, reverse=True)

    def knowing(self, document: object) -> Redactor:
        """One that also knows the logins and queries of all addresses in a job."""
        found = (secret for text in _texts(document) for url in _URL.finditer(text) for secret in _secrets_of(url[0]))
        return Redactor([*self._secrets, *found])

    def text(self, text: str) -> str:
        text = _URL.sub(_without_secrets, text)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SIGNATURE.sub(rf"\1={HIDDEN}", text)

    def failure(self, failure: Failure) -> Failure:
        """The same failure with every text of it redacted."""
        texts = {
            name: self.text(getattr(failure, name)) for name in ("message", "remedy", "stderr_head", "stderr_tail")
        }
        return failure.model_copy(update={**texts, "argv": [self.text(word) for word in failure.argv]})


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """Values of variables whose names say that they are secret."""
    return [part for name, value in environ.items() if _SECRET_NAME.search(name) for part in value.split()]


def _secrets_of(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    yield parts.query
    yield parts.password or ""


def _without_secrets(found: re.Match[str]) -> str:
    address = found[2]
    host, slash, path = address.partition("/")
    host = host.rpartition("@")[2]
    return found[1] + re.split(r"[?#]", host + slash + path, maxsplit=1)[0]


def _texts(document: Any) -> Iterator[str]:
    match document:
        case str():
            yield document
        case Mapping():
            for value in document.values():
                yield from _texts(value)
        case list() | tuple():
            for value in document:
                yield from _texts(value)
