"""What a server answers: every part's routes, behind the one middleware that asks for keys."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute

from apigpu.operations import Operation
from apigpu_runtime.callers import CLIENT, caller_of
from apigpu_runtime.playground.headers import media_origins
from apigpu_runtime.playground.pages import playground_routes
from apigpu_runtime.proxy.access.authenticate import Authenticate
from apigpu_runtime.proxy.access.local_access import is_loopback
from apigpu_runtime.proxy.access.sessions import session_routes
from apigpu_runtime.proxy.bodies.bodies import BodyReader
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.bodies.uploads import upload_routes
from apigpu_runtime.proxy.dry_runs.planning import planning_routes
from apigpu_runtime.proxy.jobs.job_routes import job_routes
from apigpu_runtime.proxy.jobs.operation_routes import Patience, operation_routes
from apigpu_runtime.proxy.n8n import n8n_routes
from apigpu_runtime.proxy.observing.health import health_routes
from apigpu_runtime.proxy.observing.logs import AccessLog
from apigpu_runtime.proxy.observing.metrics import RequestMetrics
from apigpu_runtime.proxy.openapi.docs_page import docs_routes
from apigpu_runtime.proxy.openapi.openapi import openapi_document, openapi_routes
from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.proxy.request_ids import RequestIds
from apigpu_runtime.proxy.webhooks import check_webhook_url, webhook_routes
from apigpu_runtime.serve.house import VERSION, House
from apigpu_runtime.storage.file_routes import file_routes
from apigpu_runtime.storage.folder import FolderStorage


def house_app(house: House) -> Starlette:
    """The whole server as an ASGI app."""
    middleware = [
        Middleware(RequestMetrics, metrics=house.metrics),
        Middleware(RequestIds),
        Middleware(AccessLog),
        Middleware(
            Authenticate,
            keys=house.keys,
            loopback_only=is_loopback(house.options.host),
            session_secret=house.folder.secret("sessions"),
            internal_tokens=house.queue.tokens,
        ),
    ]
    return Starlette(
        routes=[*_of_operations(house), *_of_jobs(house), *_of_people(house), *house.queue.routes],
        middleware=middleware,
        exception_handlers=error_handlers,
        lifespan=house.lifespan,
    )


def _of_operations(house: House) -> list[BaseRoute]:
    keeper = Keeper(
        storage=house.storage,
        ledger=house.uploads,
        retention_s=house.settings.retention_s,
        max_bytes=house.settings.max_download_bytes,
    )
    bodies = BodyReader(registry=house.registry, keeper=keeper)

    async def read(request: Request, operation: Operation | None) -> dict[str, Any]:
        document = await bodies.read(request, operation)
        if url := document.get("webhook_url"):
            check_webhook_url(url, house.settings)
        return document

    patience = Patience(default_s=house.options.wait_s)
    return [
        *operation_routes(house.registry, house.jobs, read, patience=patience, bodies_are_checked=True),
        *planning_routes(bodies, house.inside, default_target="l4" if house.options.runpod else "auto"),
        *n8n_routes(house.registry, public_url=house.public_url),
        *upload_routes(keeper),
    ]


def _of_jobs(house: House) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        *job_routes(house.jobs),
        *webhook_routes(house.webhooks, public_url=house.public_url),
        *health_routes(house.registry, house.queue.backend, version=VERSION, digest=house.digest),
        *house.metrics.routes(),
    ]
    if isinstance(house.storage, FolderStorage):
        routes += file_routes(house.storage, max_bytes=house.settings.max_download_bytes)
    return routes


def _of_people(house: House) -> list[BaseRoute]:
    document = openapi_document(house.registry, version=VERSION, public_url=house.public_url)
    return [
        *openapi_routes(document),
        *docs_routes(),
        *session_routes(house.keys, house.folder.secret("sessions")),
        *playground_routes(
            house.registry,
            version=VERSION,
            needs_login=lambda request: CLIENT not in caller_of(request).scopes,
            uses_keys=house.keys.any,
            media_origins=media_origins(house.storage, house.settings.storage_public_url),
        ),
    ]
