"""Counters for Prometheus.  Derived, and never a part of a decision."""

from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)


class Metrics:
    """What every server counts; each instance has a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._counter = partial(Counter, registry=registry)
        self._gauge = partial(Gauge, registry=registry)
        self._histogram = partial(Histogram, registry=registry)
        self.requests = self._counter(
            "tlog_requests", "HTTP requests answered", ("route", "status")
        )
        self.hash_backend_faults = self._counter(
            "tlog_hash_backend_faults",
            "Hashing kernels that failed their self-test; hashlib has their place",
            ("backend",),
        )
        self.build = self._gauge(
            "tlog_build", "1; what runs here", ("version", "hash_backend")
        )

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the value of each sample that has this name now."""
        return [
            (dict(it.labels), it.value)
            for family in self._registry.collect()
            for it in family.samples
            if it.name == name
        ]

    def render(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
