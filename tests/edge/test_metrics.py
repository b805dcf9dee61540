"""Numbers for Prometheus, under labels that stay few."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from apigpu_runtime.callers import INTERNAL, as_caller
from apigpu_runtime.envelope import Result, Timings
from apigpu_runtime.job import Options
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.observing.metrics import Metrics, RequestMetrics

pytestmark = pytest.mark.anyio


async def well(request: Request) -> Response:
    return Response("well")


async def broken(request: Request) -> Response:
    raise RuntimeError("broken")


def application(metrics: Metrics) -> RequestMetrics:
    plane = Starlette(routes=[Route("/status/{id}", well)])
    app = Starlette(
        routes=[
            Route("/jobs/{job_id}", well),
            Route("/broken", broken),
            Mount("/v2/local", app=as_caller(plane, INTERNAL)),
            Mount("/seen", app=plane),
            *metrics.routes(),
        ]
    )
    return RequestMetrics(app, metrics)


async def scraped(metrics: Metrics, *paths: str) -> Mapping[tuple[str, ...], float]:
    """Each sample's value by its name and its labels' values."""
    transport = httpx2.ASGITransport(application(metrics), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://proxy.test") as client:
        for path in paths:
            await client.get(path)
        text = (await client.get("/metrics")).text
    families = text_string_to_metric_families(text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


async def test_requests_are_counted_by_the_pattern_of_their_route() -> None:
    metrics = Metrics(version="0.1.0", digest="abc")
    paths = ("/jobs/1", "/jobs/2", "/nowhere/3", "/nowhere/4", "/broken", "/v2/local/status/5", "/seen/status/6")
    found = await scraped(metrics, *paths)
    counted = {labels[1:]: value for labels, value in found.items() if labels[0] == "apigpu_http_requests_total"}
    assert counted == {
        ("GET", "/jobs/{job_id}", "200"): 2,
        ("GET", "unmatched", "404"): 2,
        ("GET", "/broken", "500"): 1,
        ("GET", "/v2/local", "200"): 1,
        ("GET", "/seen/status/{id}", "200"): 1,
    }
    assert found["apigpu_http_request_duration_seconds_count", "GET", "/jobs/{job_id}"] == 2
    assert found["apigpu_http_requests_in_progress",] == 1


async def test_a_method_that_nobody_knows_makes_no_label() -> None:
    metrics = Metrics(version="0.1.0", digest="abc")
    transport = httpx2.ASGITransport(application(metrics))
    async with httpx2.AsyncClient(transport=transport, base_url="http://proxy.test") as client:
        for number in range(3):
            await client.request(f"X{number}", "/jobs/1")
    found = await scraped(metrics)
    assert found["apigpu_http_requests_total", "OTHER", "/jobs/{job_id}", "405"] == 3


async def test_jobs_and_webhooks_are_counted() -> None:
    metrics = Metrics(
        version="0.1.0", digest="abc", job_counts=lambda: {"IN_QUEUE": 4}, webhook_counts=lambda: {"dead": 1}
    )
    job = JobRecord(
        id="j1",
        operation="caption",
        fields={},
        options=Options(),
        created_s=100.0,
        started_s=103.0,
        finished_s=110.0,
        status="COMPLETED",
        result=Result(operation="caption", timings=Timings(render_s=6.5)),
    )
    metrics.job_finished(job)
    metrics.webhook_tried(200, True)
    metrics.webhook_tried(None, False)
    metrics.webhook_tried(500, False)
    found = await scraped(metrics)
    assert found["apigpu_jobs_finished_total", "caption", "COMPLETED"] == 1
    assert found["apigpu_job_queue_seconds_sum", "caption"] == 3
    assert found["apigpu_job_render_seconds_sum", "caption"] == 6.5
    assert found["apigpu_jobs_open", "IN_QUEUE"] == 4
    assert found["apigpu_webhook_deliveries", "dead"] == 1
    assert [found["apigpu_webhook_tries_total", word] for word in ("taken", "unanswered", "refused")] == [1, 1, 1]
    assert found["apigpu_build_info", "abc", "0.1.0"] == 1 or found["apigpu_build_info", "0.1.0", "abc"] == 1


async def test_two_servers_in_one_process_count_apart() -> None:
    one, two = (Metrics(version="0.1.0", digest="abc") for _ in range(2))
    await scraped(one, "/jobs/1")
    assert ("apigpu_http_requests_total", "GET", "/jobs/{job_id}", "200") not in await scraped(two)
