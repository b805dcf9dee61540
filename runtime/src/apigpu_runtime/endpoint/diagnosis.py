"""Why a job waits, and why an endpoint does not work: read off counts of workers, in sentences with a remedy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apigpu_runtime.backend import BackendError, Diagnosis, EndpointHealth
from apigpu_runtime.endpoint.answers import endpoint_health, endpoint_reason
from apigpu_runtime.endpoint.asking import Asker
from apigpu_runtime.endpoint.refusals import NEEDS_A_HAND
from apigpu_runtime.endpoint.rest import EndpointSetup, RestApi
from apigpu_runtime.endpoint.rules import LOCAL_RULES, RUNPOD_RULES, Facts
from apigpu_runtime.envelope import Failure

REMEMBERED_S = 15.0
_PATIENCE_S = 8.0


@dataclass(frozen=True)
class Look:
    """What was seen of an endpoint; `error` where it could not be."""

    endpoint_id: str = ""
    """Empty for the local plane."""
    health: EndpointHealth = field(default_factory=EndpointHealth)
    error: BackendError | None = None
    setup: EndpointSetup | None = None
    reason: str = ""
    """What a worker died of: the local plane tells it, and RunPod's log of a worker."""


class Observer:
    """Looks at an endpoint at most every 15 seconds, however many jobs ask."""

    def __init__(
        self,
        api: Asker,
        rest: RestApi | None = None,
        *,
        setup: EndpointSetup | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._rest = rest
        self._known_setup = setup
        self._clock = clock
        self._lock = asyncio.Lock()
        self._seen: tuple[float, Look] | None = None

    async def look(self) -> Look:
        async with self._lock:
            if self._seen is None or self._clock() - self._seen[0] >= REMEMBERED_S:
                look = await self._fresh()
                self._seen = (self._clock(), look)
            return self._seen[1]

    async def _fresh(self) -> Look:
        endpoint_id = self._api.peer.endpoint_id
        setup = asyncio.ensure_future(self._setup(endpoint_id))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                health, reason = await self._api.ask("GET", "/health", _seen_in, tries=1)
                reason = reason or await self._last_words(endpoint_id, health)
                return Look(endpoint_id, health, setup=await setup, reason=reason)
        except TimeoutError:
            silent = BackendError(
                f"{self._api.peer.name} has not answered for {_PATIENCE_S:g} seconds.",
                code="endpoint_no_answer",
                retryable=True,
            )
            return Look(endpoint_id, error=silent)
        except BackendError as error:
            return Look(endpoint_id, error=error)
        finally:
            setup.cancel()

    async def _setup(self, endpoint_id: str) -> EndpointSetup | None:
        """None where it cannot be had: a key for the endpoint alone may not read this, and much is known without."""
        if self._rest is None:
            return self._known_setup
        try:
            return await self._rest.endpoint(endpoint_id)
        except BackendError:
            return None

    async def _last_words(self, endpoint_id: str, health: EndpointHealth) -> str:
        if self._rest is None or not health.workers.get("unhealthy"):
            return ""
        try:
            return await self._rest.last_words(endpoint_id)
        except BackendError:
            return ""


def diagnosis_of(look: Look, *, waiting_s: float | None = None) -> Diagnosis | None:
    """What a look says of a job that has waited so long; without, of the endpoint alone."""
    if look.error is not None:
        error = look.error
        return Diagnosis(
            error.code, error.message, error.remedy, broken=not error.retryable or error.code in NEEDS_A_HAND
        )
    facts = _facts(look, waiting_s)
    rules = RUNPOD_RULES if look.endpoint_id else LOCAL_RULES
    rule = next((rule for rule in rules if (facts.is_waiting or not rule.of_jobs) and rule.applies(facts)), None)
    return rule.diagnosis(facts) if rule else None


def failure_diagnosis(failure: Failure) -> Diagnosis | None:
    """What a worker's failure says of the image that it runs, where the request is not at fault."""
    if failure.code == "version_skew":
        return Diagnosis(
            "version_skew",
            "The worker runs other operations than this server offers: its image is of another release.",
            "Deploy an image with the same versions of apigpu and its plugins; while an endpoint is being updated, "
            "old workers answer so for some minutes, and the job is tried again.",
        )
    if failure.code == "unknown_operation":
        return Diagnosis(
            "image_without_operation",
            f"The worker's image does not have the operation {failure.operation or 'of this job'}.",
            "Install the operation's plugin in the image and deploy it again.",
            broken=True,
        )
    return None


def _facts(look: Look, waiting_s: float | None) -> Facts:
    jobs, workers = look.health.jobs, look.health.workers
    return Facts(
        endpoint_id=look.endpoint_id,
        queued=jobs.get("inQueue", 0),
        running=workers.get("running", 0),
        idle=max(workers.get("idle", 0), workers.get("ready", 0) - workers.get("running", 0)),
        initializing=workers.get("initializing", 0),
        throttled=workers.get("throttled", 0),
        unhealthy=workers.get("unhealthy", 0),
        max_workers=look.setup.max_workers if look.setup else None,
        is_load_balancer=look.setup is not None and look.setup.type == "LOAD_BALANCER",
        reason=look.reason,
        waiting_s=waiting_s,
    )


def _seen_in(document: Any) -> tuple[EndpointHealth, str]:
    return endpoint_health(document), endpoint_reason(document)
