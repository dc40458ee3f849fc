"""GET /metrics: the engine's figures and the requests of one app, in Prometheus' text form.

Each app has a registry of its own, so two apps in one process do not mix. The engine counts for
itself; its figures are read when someone looks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goldsmith.engine import Engine
from goldsmith.engine import Histogram as EngineHistogram


class EngineFigures(Collector):
    """Reads the engine's figures at the moment of a scrape."""

    def __init__(self, engine: Engine) -> None:
        self._figures = engine.figures

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        yield GaugeMetricFamily(
            "goldsmith_requests_running", "Sequences being decoded.", figures.running
        )
        yield GaugeMetricFamily(
            "goldsmith_requests_waiting", "Sequences in the queue.", figures.waiting
        )
        yield CounterMetricFamily(
            "goldsmith_prompt_tokens", "Prompt tokens taken in.", figures.tokens_in
        )
        yield CounterMetricFamily(
            "goldsmith_generation_tokens", "Tokens generated.", figures.tokens_out
        )
        finished = CounterMetricFamily(
            "goldsmith_requests_finished", "Sequences ended, by reason.", labels=["reason"]
        )
        for reason, count in figures.finished.items():
            finished.add_metric([reason], count)
        yield finished
        yield _family(
            "goldsmith_time_to_first_token_seconds",
            "From arrival to the first token.",
            figures.first_token_seconds,
        )
        yield _family(
            "goldsmith_time_per_output_token_seconds",
            "Between two tokens of a sequence.",
            figures.token_seconds,
        )


class Metrics:
    """The registry of one app and what it counts about HTTP."""

    def __init__(self, engine: Engine | None) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "goldsmith_http_requests",
            "Requests answered, by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "goldsmith_http_request_seconds",
            "From the request to the end of its answer.",
            ["route"],
            registry=self.registry,
        )
        if engine is not None:
            self.registry.register(EngineFigures(engine))


class CountRequests:
    """Counts each request under its route's pattern, so that paths cannot fill the registry."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "499"  # unless an answer begins, the client was gone
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)


async def metrics(request: Request) -> Response:
    registry = request.app.state.metrics.registry
    return Response(
        generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


def _family(name: str, about: str, histogram: EngineHistogram) -> HistogramMetricFamily:
    buckets, count = [], 0
    for edge, here in zip((*histogram.edges, float("inf")), histogram.counts, strict=True):
        count += here
        buckets.append(("+Inf" if edge == float("inf") else repr(edge), float(count)))
    return HistogramMetricFamily(name, about, buckets=buckets, sum_value=histogram.total)
