"""The playground: pages that people see. They hold no data; scripts get all of it from the REST API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu.targets.presets import TARGET_NAMES
from apigpu_runtime.job import PIPELINE
from apigpu_runtime.playground.headers import security_headers
from apigpu_runtime.playground.languages import COOKIE, NAMES, language_of
from apigpu_runtime.playground.schemas import operation_schema, options_schema, pipeline_schema
from apigpu_runtime.playground.static_files import send_static, static_digest

_YEAR_S = 365 * 24 * 3600


def playground_routes(
    registry: Registry,
    *,
    version: str,
    needs_login: Callable[[Request], bool],
    uses_keys: Callable[[], bool] = lambda: False,
    media_origins: Sequence[str] = (),
) -> list[BaseRoute]:
    """The routes of all pages.

    `needs_login` tells who must show a key first. `uses_keys` tells whether clients need one, so that examples of
    requests name it. `media_origins` are the origins (`https://bucket.example.com`) that finished videos are served
    from, beside this one (`apigpu_runtime.playground.headers.media_origins` knows).
    """
    site = _Site(registry, version, needs_login, uses_keys, security_headers(media_origins), _templates())
    return [
        Route("/", site.guarded(site.overview)),
        Route("/play", _to_overview),
        Route("/play/jobs", site.guarded(site.jobs)),
        Route("/play/jobs/{job_id}", site.guarded(site.job)),
        Route("/play/{operation}", site.guarded(site.form)),
        Route("/login", site.login, methods=["GET"]),
        Route("/static/{digest}/{path:path}", send_static),
    ]


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("apigpu_runtime.playground"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment


async def _to_overview(request: Request) -> Response:
    return RedirectResponse(f"{_root(request)}/", 307)


def _root(request: Request) -> str:
    """Where the app is mounted, so that links work behind a prefix."""
    return str(request.scope.get("root_path", "")).rstrip("/")


Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class _Site:
    registry: Registry
    version: str
    needs_login: Callable[[Request], bool]
    uses_keys: Callable[[], bool]
    headers: dict[str, str]
    templates: Environment

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """The page, or the way to the login and back."""

        async def page(request: Request) -> Response:
            if self.needs_login(request):
                query = urlencode({"next": request.url.path.removeprefix(_root(request))})
                return RedirectResponse(f"{_root(request)}/login?{query}", 303, headers={"Cache-Control": "no-store"})
            return await endpoint(request)

        return page

    async def overview(self, request: Request) -> Response:
        return self.page(request, "overview.html")

    async def jobs(self, request: Request) -> Response:
        return self.page(request, "jobs.html", data={"operations": [*self.registry.operations, PIPELINE]})

    async def job(self, request: Request) -> Response:
        job_id = request.path_params["job_id"]
        return self.page(request, "job.html", job_id=job_id, data={"jobId": job_id})

    async def form(self, request: Request) -> Response:
        name = request.path_params["operation"]
        if name == PIPELINE:
            return self._form(request, "pipeline.html", name, pipeline_schema(self.registry))
        operation = self.registry.operations.get(name)
        if operation is None:
            broken = [failure for failure in self.registry.failures if failure.plugin == name]
            return self.page(request, "missing.html", status=404, name=name, broken=broken)
        return self._form(request, "operation.html", name, operation_schema(operation), operation=operation)

    def _form(
        self, request: Request, template: str, name: str, schema: dict[str, Any], operation: Operation | None = None
    ) -> Response:
        data = {"operation": name, "schema": schema, "options": options_schema(), "usesKeys": self.uses_keys()}
        data["targets"] = list(TARGET_NAMES)
        return self.page(request, template, operation=operation, data=data)

    async def login(self, request: Request) -> Response:
        query = request.query_params
        data = {"next": safe_next(query.get("next", ""))}
        return self.page(request, "login.html", data=data, failed="failed" in query)

    def page(
        self, request: Request, template: str, *, status: int = 200, data: dict[str, Any] | None = None, **more: Any
    ) -> Response:
        """A template filled in. `data` goes to the page's script, which finds the sentences of its language in it."""
        language = language_of(request)
        root = _root(request)
        text = self.templates.get_template(template).render(
            registry=self.registry,
            version=self.version,
            language=language,
            t=language.t,
            languages=NAMES,
            root=root,
            path=request.url.path,
            static=f"{root}/static/{static_digest()}",
            shows_logout=self.uses_keys(),
            data={**(data or {}), "root": root, "language": language.code, "words": language.for_browser()},
            **more,
        )
        headers = {**self.headers, "Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}
        response = HTMLResponse(text, status, headers=headers)
        if request.query_params.get("lang") in NAMES:
            response.set_cookie(
                COOKIE, language.code, max_age=_YEAR_S, path=f"{root}/", samesite="lax", httponly=True
            )
        return response


def safe_next(address: str) -> str:
    """Where to go after the login: a path of this server, never another host."""
    is_path = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if is_path and address.isprintable() else "/"
