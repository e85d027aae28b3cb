"""Counters for Prometheus.  Derived, and never a part of a decision."""

from functools import partial
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
_COSIGN_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_HEADS: Final = (1, 2, 5, 10, 20, 50, 100, 500)
_BATCH_ENTRIES: Final = (1, 2, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000)


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

    def render(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)


class LogMetrics(Metrics):
    """The metrics of one log."""

    def __init__(self) -> None:
        super().__init__()
        counter, gauge, histogram = self._counter, self._gauge, self._histogram
        self.commit_seconds = histogram(
            "tlog_commit_seconds",
            "From taking a batch to its durable commit",
            buckets=_COMMIT_S,
        )
        self.batch_entries = histogram(
            "tlog_batch_entries", "New entries in a commit", buckets=_BATCH_ENTRIES
        )
        self.tree_size = gauge("tlog_tree_size", "Entries in the signed head")
        self.queue_entries = gauge(
            "tlog_queue_entries", "Entries that wait for a commit"
        )
        self.publish_lag_entries = gauge(
            "tlog_publish_lag_entries",
            "Entries in the signed head and not yet in the public checkpoint",
        )
        self.index_lag_entries = gauge(
            "tlog_index_lag_entries",
            "Entries in the signed head and not yet in the search index",
        )
        self.publish_failures = counter(
            "tlog_publish_failures", "Publications that failed and are tried again"
        )
        self.self_check_failures = counter(
            "tlog_self_check_failures",
            "Heads that the self-check kept from leaving the process",
        )
        self.refused_entries = counter(
            "tlog_refused_entries",
            "Entries refused, by problem type; a body that cannot be read counts one",
            ("reason",),
        )
        self.unproven_answers = counter(
            "tlog_unproven_answers",
            "Answers to Sigstore's clients whose proof failed, and were not sent",
        )
        self.waiting_checks = gauge(
            "tlog_waiting_checks", "Sigstore's submissions that are read or checked"
        )
        self._add_cosigning()

    def _add_cosigning(self) -> None:
        counter, gauge, histogram = self._counter, self._gauge, self._histogram
        self.cosign_requests = counter(
            "tlog_cosign_requests",
            "Conversations with witnesses, by their outcome",
            ("witness", "outcome"),
        )
        self.cosign_seconds = histogram(
            "tlog_cosign_seconds",
            "A witness's cosignature, from the question to the verified answer",
            ("witness",),
            buckets=_COSIGN_S,
        )
        self.cosign_success = gauge(
            "tlog_cosign_success_timestamp_seconds",
            "When a witness last cosigned",
            ("witness",),
        )
        self.contradicted = gauge(
            "tlog_contradicted_by_witness",
            "Set if a witness contradicts this log, to the size that it knows",
            ("witness",),
        )
        self.cosigned_size = gauge(
            "tlog_cosigned_size", "Entries in the newest head that satisfied the policy"
        )


class WitnessMetrics(Metrics):
    """The metrics of one witness."""

    def __init__(self) -> None:
        super().__init__()
        counter, gauge, histogram = self._counter, self._gauge, self._histogram
        self.logs = gauge("tlog_witness_logs", "Logs that the witness knows")
        self.commit_seconds = histogram(
            "tlog_witness_commit_seconds",
            "One durable commit of cosigned heads",
            buckets=_COMMIT_S,
        )
        self.commit_heads = histogram(
            "tlog_witness_commit_heads", "Heads in a commit", buckets=_BATCH_HEADS
        )
        self.inconsistent = counter(
            "tlog_witness_inconsistent",
            "Signed heads refused because they do not extend the cosigned one",
            ("convicts",),
        )
        self.list_failures = counter(
            "tlog_witness_list_failures", "Lists of logs that could not be read"
        )
