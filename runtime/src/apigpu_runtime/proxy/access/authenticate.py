"""Who calls, and whether they may: the one place where keys are asked for."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apigpu.errors import InputError
from apigpu_runtime.callers import CLIENT, NOBODY, WORKER, Caller
from apigpu_runtime.proxy.access.keys import Key, KeyStore
from apigpu_runtime.proxy.access.local_access import (
    MAKE_A_KEY,
    SAFE_METHODS,
    check_local,
    check_own_page,
    is_loopback,
)
from apigpu_runtime.proxy.access.rate_limits import Allowance, RateLimits
from apigpu_runtime.proxy.access.sessions import session_key
from apigpu_runtime.proxy.problems import problem_response
from apigpu_runtime.proxy.refusals import Refusal

LOCAL = Caller("this machine", frozenset({CLIENT, WORKER}))
"""Who calls from this machine while no key was made yet."""

PUBLIC = frozenset({"/health", "/login", "/logout", "/docs", "/openapi.json", "/favicon.ico"})
"""Answered without a key: whether the server is well, the way in, and what there is to call."""
PUBLIC_BELOW = ("/static/", "/files/", "/docs/")
"""Files carry a signature of their own."""
PLANE = "/v2/"
"""Below it the scopes are looked at per route; everywhere else only clients come in."""


class Authenticate:
    """ASGI middleware that puts the caller into `scope["apigpu.caller"]`, or refuses the request.

    A key comes as `X-API-Key`, as `Authorization: Bearer KEY`, or bare in `Authorization` as the RunPod SDK's worker
    sends it; a browser has a cookie instead. `internal_tokens` are secrets of this process for its own workers.
    `loopback_only` says that the server listens on this machine alone: then no key is needed until one is made.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyStore,
        *,
        loopback_only: bool,
        session_secret: bytes = b"",
        internal_tokens: Mapping[str, Caller] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._keys = keys
        self._loopback_only = loopback_only
        self._session_secret = session_secret
        self._internal_tokens = dict(internal_tokens or {})
        self._limits = RateLimits()
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = Request(scope)
        is_public = _is_public(scope["path"])
        try:
            caller = self._caller(connection)
            allowance = None if is_public else self._admit(caller, scope["path"])
        except Refusal as refusal:
            if not is_public:
                await _answer(refusal, connection)(scope, receive, send)
                return
            caller, allowance = NOBODY, None
        # In the scope at hand and not in a copy: what stands further out reads it too.
        scope["apigpu.caller"] = caller
        await self._app(scope, receive, _with_headers(send, allowance) if allowance else send)

    def _caller(self, connection: HTTPConnection) -> Caller:
        token = _token(connection)
        internal = self._internal(token)
        if internal is not None:
            return internal
        if self._loopback_only and not self._keys.any():
            check_local(connection)
            return LOCAL
        if token:
            return self._usable(self._keys.find(token))
        key = session_key(self._session_secret, self._keys, connection, self._now())
        if key is None:
            raise _unauthorized("this needs an API key.", code="key_required")
        if connection.scope["method"] not in SAFE_METHODS:
            check_own_page(connection)
        return self._usable(key)

    def _internal(self, token: str) -> Caller | None:
        found = None
        for known, caller in self._internal_tokens.items():
            if hmac.compare_digest(known.encode(), token.encode("utf-8", "surrogatepass")):
                found = caller
        return found

    def _usable(self, key: Key | None) -> Caller:
        caller = self._keys.caller(key) if key else None
        if caller is not None:
            return caller
        if key is None:
            raise _unauthorized("there is no such API key.", code="unknown_key", is_told=True)
        state = key.state(self._now())
        raise _unauthorized(f"the API key {key.name!r} {_ENDED[state]}.", code=f"key_{state}", is_told=True)

    def _admit(self, caller: Caller, path: str) -> Allowance | None:
        """What the caller has left. Raises Refusal where it may not come in, or too often."""
        if CLIENT not in caller.scopes and not path.startswith(PLANE):
            raise Refusal(
                403,
                "a worker's key takes jobs, and does nothing else.",
                code="wrong_scope",
                remedy="Make a key for clients with: apigpu keys create --name NAME",
            )
        key = self._keys.get(caller.key_id) if caller.key_id else None
        if key is None or not key.rate or WORKER in caller.scopes:
            return None
        allowance = self._limits.hit(key.id, key.rate)
        if not allowance.allowed:
            raise Refusal(
                429,
                f"the API key {key.name!r} may make {key.rate.replace('/', ' requests a ')}.",
                code="rate_limited",
                remedy=f"Try again in {allowance.reset_s} s.",
                headers=allowance.headers(),
            )
        return allowance


def check_listen(host: str, keys: KeyStore) -> None:
    """Raises InputError for an address that others can reach while no key works."""
    if not is_loopback(host) and not keys.any_active():
        raise InputError(
            f"{host or 'every address'} can be reached by other machines, and there is no API key that works.",
            code="key_required",
            where="host",
            remedy=f"{MAKE_A_KEY} Or listen on 127.0.0.1.",
        )


_ENDED = {"expired": "has expired", "revoked": "was revoked"}


def _is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith(PUBLIC_BELOW)


def _token(connection: HTTPConnection) -> str:
    key = connection.headers.get("x-api-key", "").strip()
    if key:
        return key
    words = connection.headers.get("authorization", "").split()
    if len(words) == 2 and words[0].lower() == "bearer":
        return words[1]
    return words[0] if len(words) == 1 else ""


def _unauthorized(message: str, *, code: str, is_told: bool = False) -> Refusal:
    error = ', error="invalid_token"' if is_told else ""
    return Refusal(
        401,
        message,
        code=code,
        remedy=f"Send one that works in X-API-Key. {MAKE_A_KEY}",
        headers={"WWW-Authenticate": f'Bearer realm="apigpu"{error}'},
    )


def _answer(refusal: Refusal, connection: Request) -> Response:
    """A problem; somebody who looks at a page in a browser is shown the way in."""
    is_page = "text/html" in connection.headers.get("accept", "") and connection.scope["method"] == "GET"
    if is_page and refusal.code == "key_required" and not connection.scope["path"].startswith(PLANE):
        root = str(connection.scope.get("root_path", "")).rstrip("/")
        query = urlencode({"next": connection.scope["path"]})
        return RedirectResponse(f"{root}/login?{query}", 303, headers={"Cache-Control": "no-store"})
    return problem_response(refusal, connection)


def _with_headers(send: Send, allowance: Allowance) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(allowance.headers())
        await send(message)

    return sending
