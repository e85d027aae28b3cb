"""What a log counts."""

from typing import Final

from tlog.documents.metrics import DocumentMetrics
from tlog.metrics import Metrics

_COMMIT_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)
_COSIGN_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_ENTRIES: Final = (1, 2, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000)


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
        self.term = gauge(
            "tlog_term", "The term in which this node writes; 0 for a log in a folder"
        )
        self._add_nodes()
        self.entries = counter(
            "tlog_entries",
            "Entries that were added, by whether they name who signed",
            ("signed",),
        )
        for signed in ("yes", "no"):
            self.entries.labels(signed)
        self.folder_bytes = gauge(
            "tlog_folder_bytes", "Bytes of the log's folder, by part", ("part",)
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
        self.key_away = gauge(
            "tlog_key_away",
            "1 while a token or an agent does not sign, and commits wait",
        )
        self._add_doors()
        self._add_cosigning()
        self.documents = DocumentMetrics(self._registry)

    def _add_nodes(self) -> None:
        gauge = self._gauge
        self.node_writes = gauge(
            "tlog_node_writes", "1 while this node of several is the one that writes"
        )
        self.node_lag_entries = gauge(
            "tlog_node_lag_entries",
            "Entries that this node lacks of the newest head that it was told",
        )
        self.node_quiet = gauge(
            "tlog_node_quiet_seconds", "Since this node has seen a new head"
        )
        self.object_failures = gauge(
            "tlog_object_failures",
            "Questions to the bucket that it could not answer, since the start",
        )

    def _add_doors(self) -> None:
        counter, gauge = self._counter, self._gauge
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
        self.event_listeners = gauge(
            "tlog_event_listeners", "Clients that listen to new entries"
        )
        self.front_ends = gauge(
            "tlog_front_ends", "Front ends that answer; 0 for a log of one process"
        )
        self.events = counter("tlog_events", "Entries sent to listeners")

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
