"""Browsers: a key is shown once, and a cookie stands for it from then on.

The cookie holds the key's id and when it ends, signed; it is worth nothing when the key is revoked or has expired.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from apigpu_runtime.callers import CLIENT
from apigpu_runtime.proxy.access.keys import Key, KeyStore
from apigpu_runtime.proxy.access.local_access import check_not_foreign
from apigpu_runtime.proxy.problems import problem_response
from apigpu_runtime.proxy.refusals import Refusal, malformed

COOKIE = "apigpu_session"
LIFETIME_S = 30 * 24 * 3600
_MAX_BODY_BYTES = 8192


def session_cookie(secret: bytes, key: Key, now_s: float) -> str:
    """What the cookie holds: `KEY_ID.END.SIGNATURE`."""
    text = f"{key.id}.{int(now_s) + LIFETIME_S}"
    return f"{text}.{_signature(secret, text)}"


def session_key(secret: bytes, keys: KeyStore, connection: HTTPConnection, now_s: float) -> Key | None:
    """The key that a browser's cookie stands for."""
    text, _, signature = connection.cookies.get(COOKIE, "").rpartition(".")
    if not secret or not hmac.compare_digest(_signature(secret, text).encode(), signature.encode()):
        return None
    key_id, _, end_s = text.partition(".")
    return keys.get(key_id) if now_s < int(end_s) else None


def session_routes(keys: KeyStore, secret: bytes, *, now: Callable[[], float] = time.time) -> list[Route]:
    """`POST /login` with the field `key`, and `next` for where to go then; `POST /logout`.

    As a form that a browser sends by itself they answer with a redirect, to programs with 204 or a problem.
    """

    async def login(request: Request) -> Response:
        try:
            check_not_foreign(request)
            fields = await _fields(request)
            key = _client_key(keys, str(fields.get("key", "")).strip())
        except Refusal as error:
            return _again(request) if _wants_page(request) else problem_response(error, request)
        response = _done(request, str(fields.get("next", "")))
        response.set_cookie(
            COOKIE,
            session_cookie(secret, key, now()),
            max_age=LIFETIME_S,
            path=_root(request),
            **_cookie_kind(request),
        )
        return response

    async def logout(request: Request) -> Response:
        try:
            check_not_foreign(request)
        except Refusal as error:
            return problem_response(error, request)
        response = _done(request, "/login")
        response.delete_cookie(COOKIE, path=_root(request), **_cookie_kind(request))
        return response

    return [Route("/login", login, methods=["POST"]), Route("/logout", logout, methods=["POST"])]


def _client_key(keys: KeyStore, secret: str) -> Key:
    caller = keys.verify(secret)
    key = keys.get(caller.key_id) if caller else None
    if key is None:
        raise Refusal(401, "this is no API key that works.", code="unknown_key", where="key")
    if key.scope != CLIENT:
        raise Refusal(403, "a worker's key opens no pages.", code="wrong_scope", where="key")
    return key


async def _fields(request: Request) -> Mapping[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise Refusal(413, "this is too long for a login.", code="too_large")
    return _parsed(body, request.headers.get("content-type", ""))


def _parsed(body: bytes, content_type: str) -> Mapping[str, Any]:

    try:
        text = body.decode("utf-8")
        fields = json.loads(text) if content_type.startswith("application/json") else dict(parse_qsl(text))
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise malformed("a login is a form or a JSON object with the field key.", code="invalid_input")
    return fields


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _done(request: Request, target: str) -> Response:
    if _wants_page(request):
        return RedirectResponse(_root(request).rstrip("/") + _own_path(target), 303, headers=_NOT_STORED)
    return Response(status_code=204, headers=_NOT_STORED)


def _again(request: Request) -> Response:
    return RedirectResponse(f"{_root(request).rstrip('/')}/login?failed=1", 303, headers=_NOT_STORED)


def _own_path(target: str) -> str:
    """A path of this server: `//elsewhere` and `/\\elsewhere` are addresses of others to a browser."""
    is_own = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_own else "/"


_NOT_STORED = {"Cache-Control": "no-store"}


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")) or "/"


def _cookie_kind(request: Request) -> dict[str, Any]:
    return {"httponly": True, "samesite": "strict", "secure": request.url.scheme == "https"}


def _signature(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
