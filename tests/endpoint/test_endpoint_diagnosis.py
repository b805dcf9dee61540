"""Why a job waits and what is wrong with an endpoint, read off what RunPod shows of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from apigpu_runtime.backend import Diagnosis, EndpointHealth
from apigpu_runtime.endpoint.asking import Asker
from apigpu_runtime.endpoint.client import RunPodEndpoint, http_over
from apigpu_runtime.endpoint.diagnosis import REMEMBERED_S, Look, Observer, diagnosis_of, failure_diagnosis
from apigpu_runtime.endpoint.refusals import Peer, key_refused, out_of_credit, rate_limited
from apigpu_runtime.endpoint.rest import EndpointSetup, RestApi, said_in
from apigpu_runtime.endpoint.rules import LOCAL_RULES, RUNPOD_RULES, Rule
from apigpu_runtime.envelope import Failure
from endpoint_support import KEY, described_endpoint, described_workers, health_app, problem, rest_double
from plane_support import listening

ROOT = Path(__file__).resolve().parents[2]
RUNPOD = Peer("RunPod", "4m7x2k9q")
WAITED = 150.0


def look(
    *,
    setup: EndpointSetup | None = None,
    endpoint_id: str = "4m7x2k9q",
    reason: str = "",
    queued: int = 1,
    **workers: int,
) -> Look:
    return Look(endpoint_id, EndpointHealth({"inQueue": queued}, workers), setup=setup, reason=reason)


def told(found: Diagnosis | None) -> tuple[str, str, bool]:
    assert found is not None
    return found.code, found.message, found.broken


@pytest.mark.parametrize(
    ("seen", "waiting_s", "code", "broken"),
    [
        (look(setup=EndpointSetup("4m7x2k9q", max_workers=0)), 5, "scaled_to_zero", True),
        (look(setup=EndpointSetup("4m7x2k9q", type="LOAD_BALANCER")), 5, "not_a_queue", True),
        (look(unhealthy=2), 5, "crash_loop", True),
        (look(unhealthy=2, initializing=1), 5, "crash_loop", True),
        (look(unhealthy=1, running=1), 5, "queue", False),
        (look(throttled=3), 5, "throttled", False),
        (look(throttled=3, initializing=1), 5, "cold_start", False),
        (look(throttled=3, running=1), 5, "queue", False),
        (look(initializing=1), 5, "cold_start", False),
        (look(initializing=1), 500, "slow_start", False),
        (look(running=3, ready=3, queued=14), 5, "queue", False),
        (look(idle=1), 5, "waking", False),
        (look(ready=1), 5, "waking", False),
        (look(idle=1), WAITED, "not_taken", False),
        (look(), 5, "starting", False),
        (look(), WAITED, "no_worker", False),
    ],
)
def test_a_waiting_job_is_told_why(seen: Look, waiting_s: float, code: str, broken: bool) -> None:
    found = diagnosis_of(seen, waiting_s=waiting_s)
    assert found is not None
    assert (found.code, found.broken) == (code, broken)
    assert "{" not in found.message + found.remedy


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (look(queued=0), None),
        (look(idle=2, queued=0), None),
        (look(initializing=1), None),
        (look(running=1), None),
        (look(setup=EndpointSetup("4m7x2k9q", max_workers=3)), None),
        (look(setup=EndpointSetup("4m7x2k9q", max_workers=0)), "scaled_to_zero"),
        (look(unhealthy=1), "crash_loop"),
        (look(throttled=1), "throttled"),
    ],
)
def test_an_endpoint_that_is_cold_is_not_broken(seen: Look, code: str | None) -> None:
    found = diagnosis_of(seen)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("seen", "waiting_s", "code", "message"),
    [
        (
            look(endpoint_id="", unhealthy=1, reason="ffmpeg is not installed"),
            5,
            "crash_loop",
            "The workers of this machine end as they start: ffmpeg is not installed.",
        ),
        (look(endpoint_id="", initializing=1), 5, "cold_start", "1 worker is starting on this machine."),
        (look(endpoint_id="", running=1, queued=2), 5, "queue", "1 worker is at work and 2 jobs wait."),
        (look(endpoint_id=""), WAITED, "no_worker", "No worker has come for 2 minutes."),
        (look(endpoint_id=""), 1, "starting", "A worker of this machine is about to take this job."),
    ],
)
def test_a_job_of_the_local_plane_is_told_why_it_waits(seen: Look, waiting_s: float, code: str, message: str) -> None:
    assert told(diagnosis_of(seen, waiting_s=waiting_s))[:2] == (code, message)


def test_what_keeps_an_endpoint_from_being_seen_is_the_diagnosis() -> None:
    assert told(diagnosis_of(Look("x", error=key_refused(RUNPOD, 401))))[::2] == ("runpod_key_refused", True)
    assert told(diagnosis_of(Look("x", error=out_of_credit(RUNPOD))))[::2] == ("out_of_credit", True)
    assert told(diagnosis_of(Look("x", error=rate_limited(RUNPOD, None))))[::2] == ("endpoint_rate_limited", False)


@pytest.mark.parametrize("rules", [RUNPOD_RULES, LOCAL_RULES])
def test_the_last_rule_always_speaks(rules: tuple[Rule, ...]) -> None:
    assert all(rule.message and rule.seen for rule in rules)
    assert len({rule.code for rule in rules}) == len(rules)


def test_a_workers_failure_tells_of_an_image_without_the_operation() -> None:
    lacks = failure_diagnosis(Failure(code="unknown_operation", message="", operation="blur"))
    assert told(lacks) == ("image_without_operation", "The worker's image does not have the operation blur.", True)
    assert told(failure_diagnosis(Failure(code="version_skew", message="")))[0] == "version_skew"
    assert failure_diagnosis(Failure(code="ffmpeg_failed", message="")) is None


@pytest.mark.anyio
async def test_an_endpoint_is_looked_at_once_in_fifteen_seconds_however_many_jobs_wait() -> None:
    asked: list[str] = []
    now = [0.0]
    app = health_app(lambda: {"jobs": {"inQueue": 9}, "workers": {"throttled": 1}}, asked)
    async with http_over(app) as http:
        observer = Observer(Asker(http, "http://runpod/v2/x", peer=RUNPOD), clock=lambda: now[0])
        for _ in range(5):
            await observer.look()
        now[0] = REMEMBERED_S - 0.1
        await observer.look()
        assert len(asked) == 1
        now[0] = REMEMBERED_S
        await observer.look()
    assert len(asked) == 2


async def diagnosed(setup: dict[str, Any], workers: dict[str, int], *, rest_key: str = KEY) -> Diagnosis | None:
    """By both of RunPod's APIs, as one application."""
    jobs = health_app(lambda: {"jobs": {"inQueue": 1}, "workers": workers}, [])
    app = Starlette(routes=[Mount("/rest", rest_double([setup], key=rest_key)), Mount("/jobs", jobs)])
    async with http_over(app) as http:
        rest = RestApi(http, api_key=KEY, base_url="http://runpod/rest/v2")
        endpoint = RunPodEndpoint(http, setup["id"], api_key=KEY, base_url="http://runpod/jobs/v2", rest=rest)
        return await endpoint.diagnose(waiting_s=5)


@pytest.mark.anyio
async def test_an_endpoint_that_runpod_has_put_to_sleep_for_good_is_found_out() -> None:
    asleep = described_endpoint(workers={"min": 0, "max": 0, "idleTimeout": 5})
    code, message, broken = told(await diagnosed(asleep, {}))
    assert (code, broken) == ("scaled_to_zero", True)
    assert "4m7x2k9q" in message


@pytest.mark.anyio
async def test_a_key_that_may_not_read_the_setup_still_gets_a_diagnosis() -> None:
    assert told(await diagnosed(described_endpoint(), {"throttled": 2}, rest_key="another"))[0] == "throttled"


@pytest.mark.anyio
async def test_the_setup_of_an_endpoint_is_read_off_runpods_api() -> None:
    async with http_over(rest_double([described_endpoint()])) as http:
        rest = RestApi(http, api_key=KEY, base_url="http://runpod/v2")
        setup = await rest.endpoint("4m7x2k9q")
    assert (setup.name, setup.type, setup.min_workers, setup.max_workers) == ("films", "QUEUE", 0, 3)
    assert setup.gpu_pools == ("AMPERE_24",)


@pytest.mark.anyio
async def test_a_crash_loop_is_told_with_the_last_words_of_a_worker() -> None:
    said = ["starting", "apigpu: FFmpeg 4.4 is too old; see https://example.com/a?token=0123456789abcdef", "  "]
    rest_app = rest_double([described_endpoint()], states=["INITIALIZING", "UNHEALTHY"], said=said)
    jobs = health_app(lambda: {"jobs": {"inQueue": 1}, "workers": {"unhealthy": 1}}, [])
    app = Starlette(routes=[Mount("/rest", rest_app), Mount("/jobs", jobs)])
    async with listening(app) as url, httpx2.AsyncClient() as http:
        rest = RestApi(http, api_key=KEY, base_url=f"{url}/rest/v2")
        endpoint = RunPodEndpoint(http, "4m7x2k9q", api_key=KEY, base_url=f"{url}/jobs/v2", rest=rest)
        began = time.monotonic()
        code, message, broken = told(await endpoint.diagnose(waiting_s=5))
        assert time.monotonic() - began < 8
    assert (code, broken) == ("crash_loop", True)
    assert message.endswith("One of them said last: apigpu: FFmpeg 4.4 is too old; see https://example.com/a?….")


@pytest.mark.parametrize("line", ["", "data:", "data: {", "data: []", 'data: {"line": 3}', "id: 7", ": hello"])
def test_a_line_of_a_log_that_says_nothing_is_passed_over(line: str) -> None:
    assert said_in(line) == ""


def test_the_double_answers_as_runpods_description_says() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    file = ROOT.parent / "shared" / "runpod" / "v2-serverless.openapi.json"
    if not file.is_file():
        pytest.skip("RunPod's description of its API is not here")
    schemas = json.loads(file.read_text(encoding="utf-8"))

    def check(name: str, document: object) -> None:
        schema = {**schemas, "$ref": f"#/components/schemas/{name}"}
        jsonschema.Draft202012Validator(schema).validate(document)

    for changes in ({}, {"workers": {"min": 0, "max": 0, "idleTimeout": 5}}):
        check("Endpoint", described_endpoint(**changes))
    check("ListEndpointWorkersResponse", described_workers("RUNNING", "THROTTLED", "UNHEALTHY"))
    check("ErrorResponse", json.loads(bytes(problem(404, "Not Found", "resource not found").body)))
