"""Cold is well, broken is not, and strangers are told no more than that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from apigpu.registry import Failure, Registry
from apigpu_runtime.backend import BackendError, Diagnosis, EndpointHealth
from apigpu_runtime.callers import INTERNAL, NOBODY, Caller, as_caller
from apigpu_runtime.proxy.observing.health import health_routes

pytestmark = pytest.mark.anyio


@dataclass
class FakeBackend:
    name: str = "4m7x2k9q"
    workers: dict[str, int] = field(default_factory=dict)
    why: Diagnosis | None = None
    down: BackendError | None = None
    looks: int = 0

    async def health(self) -> EndpointHealth:
        self.looks += 1
        if self.down:
            raise self.down
        return EndpointHealth(jobs={"inQueue": 3}, workers=self.workers)

    async def diagnose(self, *, waiting_s: float | None = None) -> Diagnosis | None:
        return self.why


def client_of(backend: FakeBackend, caller: Caller = INTERNAL) -> httpx2.AsyncClient:
    registry = Registry(failures=(Failure("blur", "apigpu-blur", "ImportError: no numpy"),))
    routes = health_routes(registry, backend, version="0.1.0", digest="abc")  # type: ignore[arg-type]
    app = as_caller(Starlette(routes=list(routes)), caller)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://proxy.test")


async def asked(backend: FakeBackend, path: str = "/health", caller: Caller = INTERNAL) -> tuple[int, Any]:
    async with client_of(backend, caller) as client:
        answer = await client.get(path)
        return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("backend", "status", "word"),
    [
        (FakeBackend(workers={"idle": 1}), 200, "ok"),
        (FakeBackend(workers={"running": 1}), 200, "ok"),
        (FakeBackend(workers={"idle": 0, "initializing": 1}), 200, "cold"),
        (FakeBackend(), 200, "cold"),
        (FakeBackend(why=Diagnosis("throttled", "No GPU is free.")), 200, "degraded"),
        (FakeBackend(down=BackendError("RunPod does not answer.", retryable=True)), 200, "degraded"),
        (FakeBackend(why=Diagnosis("crash_loop", "Workers end as they start.", broken=True)), 503, "broken"),
        (FakeBackend(down=BackendError("The key is wrong.")), 503, "broken"),
    ],
)
async def test_what_is_seen_of_the_endpoint_decides(backend: FakeBackend, status: int, word: str) -> None:
    found, report = await asked(backend)
    assert (found, report["status"]) == (status, word)


async def test_with_a_key_all_is_told() -> None:
    backend = FakeBackend(workers={"idle": 2}, why=Diagnosis("throttled", "No GPU is free.", "Allow more kinds."))
    _, report = await asked(backend)
    assert report["backend"] == {
        "name": "4m7x2k9q",
        "workers": {"idle": 2},
        "jobs": {"inQueue": 3},
        "diagnosis": {"code": "throttled", "message": "No GPU is free.", "remedy": "Allow more kinds."},
    }
    assert (report["version"], report["digest"], report["operations"]) == ("0.1.0", "abc", [])
    assert report["plugin_failures"] == [
        {"plugin": "blur", "distribution": "apigpu-blur", "error": "ImportError: no numpy"}
    ]


@pytest.mark.parametrize("caller", [NOBODY, Caller("box", frozenset({"worker"}), "k1")])
async def test_without_one_only_the_word_is_told(caller: Caller) -> None:
    assert await asked(FakeBackend(), caller=caller) == (200, {"status": "cold"})


async def test_the_address_of_the_first_apigpu_still_answers() -> None:
    status, report = await asked(FakeBackend(workers={"idle": 1}), "/runpod/health")
    assert status == 200
    assert report == {"status": "ok", "jobs": {"inQueue": 3}, "workers": {"idle": 1}, "message": "Workers are there."}


async def test_however_often_it_is_asked_the_endpoint_is_looked_at_once() -> None:
    backend = FakeBackend()
    async with client_of(backend) as client:
        for _ in range(20):
            await client.get("/health")
    assert backend.looks == 1
