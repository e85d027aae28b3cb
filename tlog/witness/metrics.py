"""What a witness counts."""

from typing import Final

from tlog.metrics import Metrics

_COMMIT_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)
_BATCH_HEADS: Final = (1, 2, 5, 10, 20, 50, 100, 500)


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
        self.key_away = gauge(
            "tlog_witness_key_away", "1 while a token or an agent does not sign"
        )
        self.inconsistent = counter(
            "tlog_witness_inconsistent",
            "Signed heads refused because they do not extend the cosigned one",
            ("convicts",),
        )
        self.list_failures = counter(
            "tlog_witness_list_failures", "Lists of logs that could not be read"
        )
