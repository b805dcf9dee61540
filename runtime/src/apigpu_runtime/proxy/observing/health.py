"""Whether the server and what stands behind it are well. An endpoint without workers is cold, which is well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu.registry import Registry
from apigpu_runtime.backend import Backend, BackendError, Diagnosis, EndpointHealth
from apigpu_runtime.callers import CLIENT, caller_of

_REMEMBERED_S = 5.0
_PATIENCE_S = 10.0
_SERVING = ("idle", "ready", "running")

Status = Literal["ok", "cold", "degraded", "broken"]


class _Part(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class HealthSummary(_Part):
    """What everybody may know."""

    status: Status
    """ok: workers are there. cold: none is there, and the next job starts one. degraded: something is wrong that may
    pass. broken: jobs wait until somebody mends it; answered with 503."""


class HealthDiagnosis(_Part):
    """What is wrong, and what to do."""

    code: str
    message: str
    remedy: str


class PluginFailure(_Part):
    """A plugin that could not be loaded; the others work."""

    plugin: str
    distribution: str
    error: str


class HealthBackend(_Part):
    """What runs the jobs: `local`, or a RunPod endpoint by its id."""

    name: str
    workers: dict[str, int]
    jobs: dict[str, int]
    diagnosis: HealthDiagnosis | None


class HealthReport(HealthSummary):
    """For callers with a key."""

    version: str
    digest: str
    """Of the operations' names, versions and fields; workers must have the same."""
    operations: list[str]
    plugin_failures: list[PluginFailure]
    backend: HealthBackend


class EndpointReport(_Part):
    """RunPod's own words, as the first apigpu gave them."""

    status: Status
    jobs: dict[str, int]
    workers: dict[str, int]
    message: str


@dataclass(frozen=True)
class _Look:
    status: Status
    health: EndpointHealth
    diagnosis: Diagnosis | None


def health_routes(registry: Registry, backend: Backend, *, version: str, digest: str) -> list[Route]:
    """`GET /health`, in short for callers without a key, and `GET /runpod/health`."""
    watch = _Watch(backend)

    async def health(request: Request) -> Response:
        look = await watch.look()
        if CLIENT not in caller_of(request).scopes:
            return _answer(HealthSummary(status=look.status), look.status)
        report = HealthReport(
            status=look.status,
            version=version,
            digest=digest,
            operations=list(registry.operations),
            plugin_failures=[
                PluginFailure(plugin=item.plugin, distribution=item.distribution, error=item.error)
                for item in registry.failures
            ],
            backend=_backend(backend.name, look),
        )
        return _answer(report, look.status)

    async def endpoint(request: Request) -> Response:
        look = await watch.look()
        report = EndpointReport(
            status=look.status,
            jobs=dict(look.health.jobs),
            workers=dict(look.health.workers),
            message=look.diagnosis.message if look.diagnosis else _MESSAGES[look.status],
        )
        return _answer(report, look.status)

    return [Route("/health", health, methods=["GET"]), Route("/runpod/health", endpoint, methods=["GET"])]


_MESSAGES = {
    "ok": "Workers are there.",
    "cold": "No worker is there now; the next job starts one.",
}


class _Watch:
    """Looks at the backend every few seconds at most, however often it is asked."""

    def __init__(self, backend: Backend, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._lock = asyncio.Lock()
        self._seen: tuple[float, _Look] | None = None

    async def look(self) -> _Look:
        async with self._lock:
            if self._seen is None or self._clock() - self._seen[0] >= _REMEMBERED_S:
                look = await self._fresh()
                self._seen = (self._clock(), look)
            return self._seen[1]

    async def _fresh(self) -> _Look:
        health = EndpointHealth()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                diagnosis = await self._backend.diagnose()
                if diagnosis is None or not diagnosis.broken:
                    health = await self._backend.health()
        except TimeoutError:
            diagnosis = Diagnosis("endpoint_no_answer", f"{self._backend.name} does not answer.")
        except BackendError as error:
            diagnosis = Diagnosis(error.code, error.message, error.remedy, broken=not error.retryable)
        return _Look(_status(diagnosis, health), health, diagnosis)


def _status(diagnosis: Diagnosis | None, health: EndpointHealth) -> Status:
    if diagnosis is not None:
        return "broken" if diagnosis.broken else "degraded"
    return "ok" if any(health.workers.get(kind, 0) for kind in _SERVING) else "cold"


def _backend(name: str, look: _Look) -> HealthBackend:
    found = look.diagnosis
    told = HealthDiagnosis(code=found.code, message=found.message, remedy=found.remedy) if found else None
    return HealthBackend(name=name, workers=dict(look.health.workers), jobs=dict(look.health.jobs), diagnosis=told)


def _answer(report: BaseModel, status: Status) -> Response:
    return Response(
        report.model_dump_json(),
        503 if status == "broken" else 200,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
