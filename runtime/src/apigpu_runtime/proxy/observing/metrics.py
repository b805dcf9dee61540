"""Numbers for Prometheus, in a registry of their own. Labels have few values: routes are told by their pattern."""

from __future__ import annotations

import time
from asyncio import to_thread
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apigpu_runtime.proxy.documents import JobRecord

Counts = Callable[[], Mapping[str, int]]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_JOB_S = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """What is counted. `job_counts` and `webhook_counts` are asked at each scrape, in another thread."""

    def __init__(
        self, *, version: str, digest: str, job_counts: Counts | None = None, webhook_counts: Counts | None = None
    ) -> None:
        # They double the number of series and tell nothing that Prometheus does not know.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it says nothing of what it returns
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("apigpu_build", "Release and operations.", registry=self.registry)
        build.info({"version": version, "digest": digest})
        self.requests = self._counter(
            "apigpu_http_requests", "Requests that were answered.", "method", "route", "status"
        )
        self.request_seconds = self._histogram(
            "apigpu_http_request_duration_seconds", "From request to end of answer.", _REQUEST_S, "method", "route"
        )
        self.open_requests = Gauge(
            "apigpu_http_requests_in_progress", "Requests that are being answered.", registry=self.registry
        )
        self.jobs_finished = self._counter("apigpu_jobs_finished", "Jobs that have ended.", "operation", "status")
        self.queue_seconds = self._histogram(
            "apigpu_job_queue_seconds", "From request to start of jobs that have ended.", _JOB_S, "operation"
        )
        self.render_seconds = self._histogram(
            "apigpu_job_render_seconds", "FFmpeg's time of jobs that are done.", _JOB_S, "operation"
        )
        self.webhook_tries = self._counter(
            "apigpu_webhook_tries", "Requests to receivers of webhooks, by what came of them.", "outcome"
        )
        if job_counts is not None:
            self.registry.register(_Counted("apigpu_jobs_open", "Jobs that have not ended.", job_counts))
        if webhook_counts is not None:
            self.registry.register(
                _Counted("apigpu_webhook_deliveries", "Webhook deliveries on record.", webhook_counts)
            )

    def job_finished(self, job: JobRecord) -> None:
        """Count a job that has ended."""
        self.jobs_finished.labels(job.operation, job.status).inc()
        if job.started_s is not None:
            self.queue_seconds.labels(job.operation).observe(max(0.0, job.started_s - job.created_s))
        if job.result is not None:
            self.render_seconds.labels(job.operation).observe(job.result.timings.render_s)

    def webhook_tried(self, http_status: int | None, is_taken: bool) -> None:
        """Count a request to a receiver."""
        outcome = "taken" if is_taken else "unanswered" if http_status is None else "refused"
        self.webhook_tries.labels(outcome).inc()

    def routes(self) -> list[Route]:
        """`GET /metrics`."""

        async def metrics(request: Request) -> Response:
            text = await to_thread(generate_latest, self.registry)
            return Response(text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"})

        return [Route("/metrics", metrics, methods=["GET"])]

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


class RequestMetrics:
    """ASGI middleware, to stand outside of all others, that counts requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun_s = 500, time.perf_counter()

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._metrics.open_requests.track_inprogress():
            try:
                await self._app(scope, receive, counted)
            finally:
                method = scope["method"] if scope["method"] in _METHODS else "OTHER"
                route = route_pattern(scope)
                self._metrics.requests.labels(method, route, str(status)).inc()
                self._metrics.request_seconds.labels(method, route).observe(time.perf_counter() - begun_s)


def route_pattern(scope: Scope) -> str:
    """The pattern of the route that answered, such as `/jobs/{job_id}`; `unmatched` where there was none."""
    route = scope.get("route")
    if not isinstance(route, Route | Mount):
        return "unmatched"
    mounted = scope.get("app_root_path") is not None and not isinstance(route, Mount)
    prefix = scope.get("root_path", "").removeprefix(scope.get("app_root_path", "")) if mounted else ""
    return f"{prefix}{route.path}" or "/"


class _Counted(Collector):
    """A gauge by `status` that is read when somebody looks."""

    def __init__(self, name: str, text: str, counts: Counts) -> None:
        self._name = name
        self._text = text
        self._counts = counts

    def describe(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(self._name, self._text, labels=["status"])

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._text, labels=["status"])
        for status, count in self._counts().items():
            family.add_metric([status], count)
        yield family
