"""What a node says of itself to Prometheus.

Nothing here is called for a message: the node and the engine count in plain numbers
(`duologue.counts`, `duologue.server.app.Tally`), and those are read when somebody asks.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, Histogram, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .node import Node
from .server import lane
from .server.app import POLLING, WEBSOCKET, Engine, Survey
from .stores import writer

_OPEN_METRICS: Final = "application/openmetrics-text"

_LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG_SECONDS: Final = 1.0


class Metrics:
    """The numbers of one node and its engine, in a registry of their own.

    Several in one process do not meet. `start` begins to measure the event loop's lag; it, `render`
    and `stop` belong to the loop's thread.
    """

    def __init__(self, node: Node, engine: Engine) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._engine = engine
        self._collector = _Collector(node, engine)
        self.registry.register(self._collector)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._lag = Histogram(
            "duologue_event_loop_lag_seconds",
            "How late a timer of the event loop went off, once a second",
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._timer is None:
            self._wait(asyncio.get_running_loop())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        due = time.monotonic() + _LAG_SECONDS
        self._timer = loop.call_later(_LAG_SECONDS, self._measure, loop, due)

    def _measure(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lag.observe(max(time.monotonic() - due, 0.0))
        self._wait(loop)

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """The text of ``/metrics``, and its content type, for a request's ``Accept``."""
        self._collector.survey = await self._engine.survey()
        # Of versions and escapings our names need none, and one that is no number makes this fail
        encode, content_type = choose_encoder(_OPEN_METRICS if _OPEN_METRICS in accept else "")
        return encode(self.registry), content_type

    def app(self) -> Starlette:
        """An ASGI application with ``/metrics``."""

        async def metrics(request: Request) -> Response:
            body, content_type = await self.render(request.headers.get("accept", ""))
            headers = {"content-type": content_type, "cache-control": "no-store"}
            return Response(body, headers=headers)

        return Starlette(routes=[Route("/metrics", metrics)])


class _Collector(Collector):
    """Reads the numbers. `survey` is the engine's last one."""

    def __init__(self, node: Node, engine: Engine) -> None:
        self._node = node
        self._engine = engine
        self.survey = Survey(dict.fromkeys(engine.options.transports, 0), 0, 0)

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("duologue_build", "What runs here", value=_build())
        yield from self._sessions()
        yield from self._conversations()
        yield from self._store()

    def _sessions(self) -> Iterator[Metric]:
        survey, tally = self.survey, self._engine.tally
        yield _labelled(
            GaugeMetricFamily("duologue_sessions", "Open sessions", labels=["transport"]),
            survey.sessions,
        )
        yield _labelled(
            CounterMetricFamily(
                "duologue_sessions_opened",
                "Sessions, by the transport that they began with",
                labels=["transport"],
            ),
            dict.fromkeys(self._engine.options.transports, 0) | tally.opened,
        )
        yield CounterMetricFamily(
            "duologue_sessions_upgraded", "Sessions that went to WebSocket", tally.upgraded
        )
        yield _labelled(
            CounterMetricFamily("duologue_sessions_ended", "Sessions, by end", labels=["reason"]),
            tally.ended,
        )
        yield _labelled(
            CounterMetricFamily(
                "duologue_handshakes_refused",
                "Requests to the engine that were not served, by HTTP status",
                labels=["status"],
            ),
            {str(status): number for status, number in tally.refused.items()},
        )
        yield GaugeMetricFamily(
            "duologue_queue_bytes", "Bytes that wait for clients to take them", survey.pending_bytes
        )
        yield GaugeMetricFamily(
            "duologue_queue_max_bytes",
            "Bytes that wait for the slowest client",
            survey.most_pending_bytes,
        )
        websocket = lane.traffic()
        for at, way, verb in ((0, "received", "came from"), (1, "sent", "went to")):
            polling = (tally.bytes_received, tally.bytes_sent)[at]
            family = CounterMetricFamily(
                f"duologue_{way}_bytes",
                f"Bytes that {verb} clients: bodies of polling by this node, WebSocket frames by "
                "this process",
                labels=["transport"],
            )
            yield _labelled(family, {POLLING: polling, WEBSOCKET: websocket[at]})

    def _conversations(self) -> Iterator[Metric]:
        counts = self._node.counts
        yield GaugeMetricFamily(
            "duologue_clients_online", "Clients with a session", len(self._node.hub)
        )
        yield _labelled(
            CounterMetricFamily(
                "duologue_messages", "Messages by the answer to their sender", labels=["status"]
            ),
            {
                "delivered": counts.delivered,
                "stored": counts.stored,
                "repeated": counts.repeated,
            },
        )
        links = CounterMetricFamily(
            "duologue_link_events", "What became of link requests and links", labels=["event"]
        )
        yield _labelled(links, dict.fromkeys(LINK_EVENTS, 0) | counts.links)
        refusals = CounterMetricFamily(
            "duologue_refusals", "Events and connections refused", labels=["event", "code"]
        )
        for labels, number in tuple(counts.refusals.items()):
            refusals.add_metric(labels, number)
        yield refusals

    def _store(self) -> Iterator[Metric]:
        node = self._node
        for kind, number in node.holds().items():
            yield GaugeMetricFamily(f"duologue_store_{kind}", f"Kept {kind}", number)
        yield GaugeMetricFamily(
            "duologue_store_up", "Whether the store works", int(node.trouble is None)
        )
        yield CounterMetricFamily(
            "duologue_store_failures", "Jobs that the store failed at", node.counts.store_failures
        )
        yield GaugeMetricFamily(
            "duologue_writer_queue", "Jobs that wait for the store", node.writer.waiting
        )
        batches = node.writer.batches
        if batches is not None:
            yield _histogram(
                "duologue_commit_seconds",
                "Time that a batch took from its first job to its commit",
                batches.latencies,
                batches.seconds,
            )
            yield _histogram("duologue_commit_jobs", "Jobs in a batch", batches.sizes, batches.jobs)


#: What a request or a link can come to.
LINK_EVENTS: Final = ("requested", "established", "declined", "cancelled", "expired", "closed")


def _build() -> dict[str, str]:
    return {
        "version": version("duologue"),
        "python": platform.python_version(),
        "lane": "c" if lane.NATIVE else "python",
    }


def _labelled(
    family: GaugeMetricFamily | CounterMetricFamily, numbers: Mapping[str, float]
) -> Metric:
    for label, number in tuple(numbers.items()):
        family.add_metric([label], number)
    return family


def _histogram(name: str, help: str, histogram: writer.Histogram, total: float) -> Metric:
    bounds: Iterable[str] = (*(repr(float(bound)) for bound in histogram.bounds), "+Inf")
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(name, help, buckets=buckets, sum_value=total)
