"""Counters for Prometheus.  Derived, and never a part of a decision."""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_COMMIT_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)
_BATCH_ENTRIES: Final = (1, 2, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000)


class Metrics:
    """The metrics of one log; each instance has a registry of its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._registry = registry
        self.requests = Counter(
            "tlog_requests",
            "HTTP requests answered",
            ("route", "status"),
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "tlog_commit_seconds",
            "From taking a batch to its durable commit",
            registry=registry,
            buckets=_COMMIT_S,
        )
        self.batch_entries = Histogram(
            "tlog_batch_entries",
            "New entries in a commit",
            registry=registry,
            buckets=_BATCH_ENTRIES,
        )
        self.tree_size = Gauge(
            "tlog_tree_size", "Entries in the signed head", registry=registry
        )
        self.queue_entries = Gauge(
            "tlog_queue_entries", "Entries that wait for a commit", registry=registry
        )
        self.publish_lag_entries = Gauge(
            "tlog_publish_lag_entries",
            "Entries in the signed head and not yet in the public checkpoint",
            registry=registry,
        )
        self.index_lag_entries = Gauge(
            "tlog_index_lag_entries",
            "Entries in the signed head and not yet in the search index",
            registry=registry,
        )
        self.publish_failures = Counter(
            "tlog_publish_failures",
            "Publications that failed and are tried again",
            registry=registry,
        )
        self.self_check_failures = Counter(
            "tlog_self_check_failures",
            "Heads that the self-check kept from leaving the process",
            registry=registry,
        )
        self.refused_entries = Counter(
            "tlog_refused_entries",
            "Entries refused, by problem type; a body that cannot be read counts one",
            ("reason",),
            registry=registry,
        )
        self.build = Gauge(
            "tlog_build",
            "1; what runs here",
            ("version", "hash_backend"),
            registry=registry,
        )

    def render(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
