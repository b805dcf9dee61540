"""Asking plugins where the file behind an address lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apigpu.media.fields import MediaRef
from apigpu.media.handles import Notice
from apigpu.registry import UrlResolver

_WEB = ("http://", "https://")


def direct_urls(refs: Iterable[MediaRef], resolvers: Sequence[UrlResolver]) -> tuple[dict[str, str], list[Notice]]:
    """The direct addresses of those that a resolver knows, and what went wrong with resolvers.

    The first answer counts. One that raises, or answers with no web address, is passed over.
    """
    found: dict[str, str] = {}
    notices: dict[Notice, None] = {}
    for url in dict.fromkeys(ref.url for ref in refs if ref.url.lower().startswith(_WEB)):
        for resolver in resolvers:
            try:
                answer = resolver.resolve(url)
            except Exception as error:  # a border: a stranger's fault is reported, and the next one asked
                notices[_notice(resolver, type(error).__name__)] = None
                continue
            if isinstance(answer, str) and answer.lower().startswith(_WEB):
                found[url] = answer
                break
            if answer is not None:
                notices[_notice(resolver, "it gave no http(s) address")] = None
    return found, list(notices)


def _notice(resolver: UrlResolver, what: str) -> Notice:
    # The error's own text may hold the address, which may be a secret.
    return Notice(
        "resolver_failed",
        f"the plugin {resolver.plugin} ({resolver.distribution}) could not read an address: {what}.",
    )
