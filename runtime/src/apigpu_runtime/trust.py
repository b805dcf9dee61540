"""Which private addresses may be reached all the same: the setting of whoever runs apigpu, read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import httpx2

from apigpu.errors import InputError
from apigpu_runtime.addresses import without_secrets

Origin = tuple[str, str, int]
"""Scheme, host and port."""

# Forms that some server takes for a step up or for a slash although they are none in the URL as it stands.
_DISGUISED = re.compile(r"(?:^|/)\.{1,2}(?:[/;]|$)|%(?:2e|2f|5c|25)|\\", re.IGNORECASE)


@dataclass(frozen=True)
class _Prefix:
    """An origin, and a path that everything trusted begins with, up to a slash."""

    origin: Origin
    path: str

    @classmethod
    def parse(cls, text: str) -> _Prefix:
        try:
            url = httpx2.URL(text)
        except httpx2.InvalidURL:
            raise _bad_prefix(text) from None
        path = _path(url)
        is_whole = url.scheme in {"http", "https"} and url.host
        if not is_whole or url.userinfo or url.query or url.fragment or _DISGUISED.search(path):
            raise _bad_prefix(text)
        return cls(origin_of(url), path.rstrip("/"))

    def covers(self, url: httpx2.URL) -> bool:
        path = _path(url)
        is_below = path == self.path or path.startswith(f"{self.path}/")
        return is_below and origin_of(url) == self.origin and not url.userinfo and not _DISGUISED.search(path)


@dataclass(frozen=True)
class Trust:
    """Prefixes of URLs, and hosts with their port."""

    prefixes: tuple[_Prefix, ...] = ()
    hosts: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def of(cls, urls: Iterable[str], hosts: Iterable[str]) -> Trust:
        """Raises InputError, code `bad_setting`, for what is no plain URL, or no `host:port`."""
        return cls(tuple(_Prefix.parse(text) for text in urls), frozenset(_host_and_port(text) for text in hosts))

    def covers(self, url: httpx2.URL) -> bool:
        """Whether the URL lies below a prefix, or on one of the hosts."""
        _, host, port = origin_of(url)
        is_host = (host, port) in self.hosts and not url.userinfo
        return is_host or any(prefix.covers(url) for prefix in self.prefixes)


def origin_of(url: httpx2.URL) -> Origin:
    """With the port that the scheme stands for, where none is written."""
    default = 443 if url.scheme == "https" else 80
    return url.scheme, url.raw_host.decode("ascii").lower(), default if url.port is None else url.port


def _path(url: httpx2.URL) -> str:
    return url.raw_path.partition(b"?")[0].decode("ascii")


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        url = httpx2.URL(f"http://{host}/")
    except httpx2.InvalidURL:
        url = httpx2.URL()
    is_port = re.fullmatch("[1-9][0-9]{0,4}", port) is not None and int(port) < 65536
    if not url.host or not is_port or url.userinfo or _path(url) != "/" or url.port:
        raise InputError(
            f"{without_secrets(text)!r} is not HOST:PORT.",
            code="bad_setting",
            where="APIGPU_WEBHOOK_HOSTS",
            remedy="Write it like n8n.internal:5678, several with commas between.",
        )
    return origin_of(url)[1], int(port)


def _bad_prefix(text: str) -> InputError:
    return InputError(
        f"{without_secrets(text).partition('?')[0]!r} is no plain http(s) URL.",
        code="bad_setting",
        where="APIGPU_TRUSTED_URLS",
        remedy="Write it like http://minio.internal:9000/videos/, without login, query or dots for folders.",
    )
