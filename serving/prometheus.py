"""What `/metrics` shows, in Prometheus's text form.

Several workers count into files of one folder (prometheus-client's multiprocess mode: PROMETHEUS_MULTIPROC_DIR is set before this module is imported), and
whichever is asked adds them up. What is seen of the lake, such as a release's age, each tells as it sees it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from starlette.types import Scope

from serving.templates import template_of

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE"))
Value = tuple[str, str, float]
"""Name, meaning, and value of a gauge."""


class Meters:
    """What one worker counts.

    Args:
        folder: of the workers' files; None: this process is the only one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        name, registry = "osslake_http_", self._registry
        self._requests = Counter(f"{name}requests", "answered requests", ("route", "method", "status"), registry=registry)
        self._bytes = Counter(f"{name}answer_bytes", "bytes of the answers' bodies", ("route",), registry=registry)
        self._seconds = Histogram(f"{name}request_seconds", "time to the answer's end", ("route",), buckets=_SECONDS, registry=registry)
        self._in_flight = Gauge(f"{name}requests_in_flight", "requests being answered", registry=registry, multiprocess_mode="livesum")
        self._refused = Counter(f"{name}refused_requests", "requests over a limit", ("policy",), registry=registry)
        self._failed = Counter("osslake_replica_build_failures", "serving replicas that could not be made", registry=registry)
        self._children: dict[tuple[str, str, int], tuple[Counter, Counter, Histogram]] = {}

    def begin(self) -> None:
        """Count a request that comes in."""
        self._in_flight.inc()

    def end(self, scope: Scope, status: int, size_bytes: int, duration_s: float) -> None:
        """Count its answer, under the template of its route; paths that belong to none are counted together."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        key = (template_of(scope), method, status)
        found = self._children.get(key)
        if found is None:
            route = key[0]
            found = self._requests.labels(route, method, str(status)), self._bytes.labels(route), self._seconds.labels(route)
            self._children[key] = found
        requests, size, seconds = found
        requests.inc()
        size.inc(size_bytes)
        seconds.observe(duration_s)
        self._in_flight.dec()

    def count_refusal(self, policy: str) -> None:
        """Count a request that was over a limit."""
        self._refused.labels(policy).inc()

    def count_failed_build(self) -> None:
        """Count a replica that could not be made."""
        self._failed.inc()

    def text(self, seen: Iterable[Value] = ()) -> bytes:
        """Return everything, with gauges of what is seen now."""
        registry = self._registry
        if self._folder is not None:
            self._forget_dead()
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]  # prometheus-client's is untyped
        return generate_latest(registry) + generate_latest(_seen(seen))

    def _forget_dead(self) -> None:
        """Remove what workers that died were doing."""
        if self._folder is None:
            return
        for file in self._folder.glob("gauge_live*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not Path(f"/proc/{pid}").exists() and pid != os.getpid():
                with suppress(FileNotFoundError):
                    mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]  # likewise


class _Seen(Collector):
    """Gauges of values that are at hand."""

    def __init__(self, values: Iterable[Value]) -> None:
        self._values = values

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        for name, meaning, value in self._values:
            yield GaugeMetricFamily(name, meaning, value)


def _seen(values: Iterable[Value]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Seen(values))
    return registry
