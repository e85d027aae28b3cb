"""What a gate counts.  No label names a digest, an image or a namespace."""

from typing import Final

from tlog.metrics import Metrics

_DECISION_S: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)


class GateMetrics(Metrics):
    """The metrics of one gate."""

    def __init__(self) -> None:
        super().__init__()
        counter, gauge = self._counter, self._gauge
        self.decisions = counter(
            "tlog_gate_decisions",
            "Decisions on one image or artifact",
            ("outcome", "reason", "environment", "mode"),
        )
        self.seconds = self._histogram(
            "tlog_gate_decision_seconds",
            "From a question to its answer",
            buckets=_DECISION_S,
        )
        self.cache_hits = counter(
            "tlog_gate_cache_hits", "Decisions that needed no judging"
        )
        self.cached = gauge("tlog_gate_cached", "Verdicts in the cache")
        self.under_way = gauge("tlog_gate_checks", "Artifacts that are being judged")
        self.source_failures = counter(
            "tlog_gate_source_failures", "Sources that did not answer", ("source",)
        )
        self.reload_failures = counter(
            "tlog_gate_reload_failures",
            "Changed files that cannot be used; those before them stay in force",
            ("file",),
        )
        self.spooled = gauge(
            "tlog_gate_spooled", "Uses of break-glass that the log does not have yet"
        )
