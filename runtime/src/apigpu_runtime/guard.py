"""The guard between a user's URL and the network: only public addresses are reached.

Every request is judged when it is sent, so each hop of a redirect too. A name is looked up once, all its answers
are checked, and the connection goes to an address that was checked: a name that changes its mind meanwhile gains
nothing. No proxy of the environment is used, since it would look the name up itself.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from socket import gaierror
from typing import Literal

import anyio
import anyio.to_thread
import httpcore2
import httpx2
import ssrfguard
from httpcore2 import AnyIOBackend, AsyncNetworkStream

from apigpu.errors import InputError
from apigpu_runtime.trust import Trust, origin_of

Setting = Literal["APIGPU_TRUSTED_URLS", "APIGPU_WEBHOOK_HOSTS"]

# It tells whole URLs at INFO, signatures and all.
logging.getLogger("httpx2").setLevel(logging.WARNING)

_LOOKUPS_AT_ONCE = 16
_ADDRESSES_TRIED = 4
_ORIGIN = "apigpu.origin"
_KEPT_FOR_STRANGERS = frozenset(
    "accept accept-encoding connection content-length content-type host if-range range user-agent".split()
)


class AddressRefused(InputError):
    """A URL that leads, or may lead, into a private network. Nothing was sent."""

    code = "address_refused"


def guarded_client(
    *,
    trusted_urls: Iterable[str] = (),
    hosts: Iterable[str] = (),
    timeout: httpx2.Timeout | None = None,
    follow_redirects: bool = False,
    max_redirects: int = 5,
    setting: Setting = "APIGPU_TRUSTED_URLS",
    resolver: ssrfguard.Resolver | None = None,
) -> httpx2.AsyncClient:
    """A client that reaches public addresses, what lies below `trusted_urls`, and each `host:port` of `hosts`.

    Everything else raises AddressRefused, whose remedy names `setting`. Requests that a redirect leads to another
    origin lose all headers but the harmless ones. `resolver` stands in for `socket.getaddrinfo`. Raises InputError,
    code `bad_setting`, for a prefix or host that is none.
    """
    return httpx2.AsyncClient(
        transport=_GuardedTransport(Trust.of(trusted_urls, hosts), setting, resolver),
        trust_env=False,
        timeout=timeout or httpx2.Timeout(30.0, connect=10.0),
        follow_redirects=follow_redirects,
        max_redirects=max_redirects,
        event_hooks={"request": [_strip_for_strangers]},
    )


def check_address(url: httpx2.URL, *, hosts: Iterable[str] = (), setting: Setting = "APIGPU_TRUSTED_URLS") -> None:
    """Raises AddressRefused where it can be told without looking the host up that `guarded_client` would refuse."""
    if Trust.of((), hosts).covers(url):
        return
    if f".{url.host}".endswith(".localhost"):
        raise _not_public(url, setting)
    with _explained(url, setting):
        _check(url)


class _GuardedTransport(httpx2.AsyncBaseTransport):
    """Two pools of connections, so that one opened for a trusted URL never serves another of its origin."""

    def __init__(self, trust: Trust, setting: Setting, resolver: ssrfguard.Resolver | None) -> None:
        self._trust = trust
        self._setting = setting
        context = _ssl_context()
        self._trusted = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
        self._checked = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
        # httpx2 has no door for a network backend (2.16); the tests see that nothing denied is connected to.
        self._checked._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_CheckedBackend(resolver),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._answer(request)
        if response.has_redirect_location and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Unread(response.stream)
        return response

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if self._trust.covers(request.url):
            return await self._trusted.handle_async_request(request)
        with _explained(request.url, self._setting):
            _check(request.url)
            return await self._checked.handle_async_request(request)

    async def aclose(self) -> None:
        await self._trusted.aclose()
        await self._checked.aclose()


class _Unread(httpx2.AsyncByteStream):
    """The body of a redirect, left where it is: httpx2 would read it whole into memory before it goes on."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield b""

    async def aclose(self) -> None:
        await self._stream.aclose()


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections to public addresses. Unix sockets it opens none: the base class refuses them."""

    def __init__(self, resolver: ssrfguard.Resolver | None) -> None:
        self._resolver = resolver
        self._tcp = AnyIOBackend()
        # A lookup cannot be cancelled; threads of our own, so that hanging ones starve nobody else.
        self._threads = anyio.CapacityLimiter(_LOOKUPS_AT_ONCE)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        addresses = (await self._addresses(host, port, timeout))[:_ADDRESSES_TRIED]
        share = None if timeout is None else timeout / len(addresses)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._tcp.connect_tcp(str(address.ip), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def _addresses(self, host: str, port: int, timeout: float | None) -> tuple[ssrfguard.Address, ...]:
        policy = _policy(port)
        target = policy.check_url(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")

        def look_up() -> tuple[ssrfguard.Address, ...]:
            return ssrfguard.resolve(target, policy=policy, resolver=self._resolver)

        try:
            with anyio.fail_after(timeout):
                return await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=self._threads)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"{host} was not found in time") from None
        except (gaierror, UnicodeError):
            raise httpcore2.ConnectError(f"there is no host {host}") from None

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


@contextmanager
def _explained(url: httpx2.URL, setting: Setting) -> Iterator[None]:
    try:
        yield
    except ssrfguard.BlockedURLError as refusal:
        if isinstance(refusal.__cause__, ssrfguard.BlockedAddressError):
            raise _not_public(url, setting) from None
        raise _refused(url, f"{refusal.reason}.", "Check the address.") from None
    except ssrfguard.BlockedAddressError:
        raise _not_public(url, setting) from None


def _not_public(url: httpx2.URL, setting: Setting) -> AddressRefused:
    scheme, host, port = origin_of(url)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    entry = place if setting == "APIGPU_WEBHOOK_HOSTS" else f"{scheme}://{place}/"
    remedy = f"Whoever runs apigpu can allow it by adding {entry} to {setting}."
    return _refused(url, "it leads into a private network.", remedy)


@cache
def _ssl_context() -> ssl.SSLContext:
    """Of all clients: reading the certificates takes longer than most requests."""
    return httpx2.create_ssl_context()


def _check(url: httpx2.URL) -> None:
    """Raises BlockedURLError for what is wrong with the URL alone, AddressRefused for its port."""
    if url.userinfo:
        raise _refused(url, "the URL carries a login.", "Use a signed link instead.")
    port = origin_of(url)[2]
    # Below 1024 lie mail, SSH and the like, which must not be talked to in other people's name; media and webhooks
    # on ports of their own lie above (8080, 9000 of object stores, 5678 of n8n).
    if port < 1024 and port not in {80, 443}:
        raise _refused(url, f"port {port} is none that web servers use.", "Use 80, 443, or one from 1024 on.")
    _policy(port).check_url(str(url))


def _policy(port: int) -> ssrfguard.Policy:
    return ssrfguard.Policy(allowed_ports=frozenset({port}))


def _refused(url: httpx2.URL, why: str, remedy: str) -> AddressRefused:
    return AddressRefused(f"{url.host or 'the URL'} is not called: {why}", remedy=remedy)


async def _strip_for_strangers(request: httpx2.Request) -> None:
    """Another origin than the first gets no header that could be a secret; httpx2 drops Authorization alone."""
    first = request.extensions.setdefault(_ORIGIN, origin_of(request.url))
    if origin_of(request.url) != first:
        for name in set(request.headers) - _KEPT_FOR_STRANGERS:
            del request.headers[name]
