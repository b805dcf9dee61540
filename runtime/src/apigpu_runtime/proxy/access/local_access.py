"""Where no key is needed: on this machine, called by this machine, and not by a web page of somebody else.

A page in a browser may send requests to any address of the machine it is shown on. Two things tell them: a Host that
is no name of this machine (DNS rebinding), and what browsers say of a request's origin, which no script can forge.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from apigpu_runtime.proxy.refusals import Refusal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAKE_A_KEY = "Make a key with: apigpu keys create --name NAME"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host")


def check_local(connection: HTTPConnection) -> None:
    """Raises Refusal for whoever needs a key although none was made yet."""
    client = connection.scope.get("client")
    if client is None or not is_loopback(client[0]):
        raise _key_needed("requests from other machines need an API key, and none was made yet.")
    if any(name in connection.headers for name in _FORWARDED):
        raise _key_needed("requests that come through a proxy need an API key, and none was made yet.")
    host = connection.headers.get("host", "")
    if not is_loopback(_host_name(host)):
        raise Refusal(
            403,
            "without an API key only names of this machine are served, such as localhost.",
            code="host_refused",
            where="Host",
            remedy=f"Call http://127.0.0.1 instead. {MAKE_A_KEY}",
        )
    check_not_foreign(connection)


def check_not_foreign(connection: HTTPConnection) -> None:
    """Raises Refusal for what a page of another origin sends. A link followed in a browser passes."""
    headers = connection.headers
    if _is_same_origin(headers) is False and not _is_followed_link(connection.scope["method"], headers):
        raise Refusal(
            403,
            "web pages of other origins may not call this server.",
            code="foreign_origin",
            where="Origin",
            remedy="Call it from a program with an API key, or from its own pages.",
        )


def check_own_page(connection: HTTPConnection) -> None:
    """Raises Refusal unless a browser says that a page of this server sends it: for what a cookie vouches for."""
    if _is_same_origin(connection.headers) is not True:
        raise Refusal(
            403,
            "a browser's session serves pages of this server alone.",
            code="foreign_origin",
            where="Origin",
            remedy="Programs send the API key in X-API-Key.",
        )


def is_loopback(host: str) -> bool:
    """Whether an address or a name is this machine's own."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _is_same_origin(headers: Headers) -> bool | None:
    """None where nothing is said of it, as programs do."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    # Browsers leave Sec-Fetch-Site out where the connection is plain HTTP to another machine.
    return None if origin is None else _netloc(origin) == headers.get("host", "").lower()


def _is_followed_link(method: str, headers: Headers) -> bool:
    is_page = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return method in SAFE_METHODS and is_page


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    """`Host` without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _key_needed(message: str) -> Refusal:
    return Refusal(401, message, code="key_required", remedy=MAKE_A_KEY, headers={"WWW-Authenticate": "Bearer"})
