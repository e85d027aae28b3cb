"""Counters of one monitor for Prometheus.  No decision is made by them."""

from typing import Final

from tlog.metrics import Metrics

TAMPERING: Final = ("split-view", "bad-log", "bad-tile")
"""The kinds of alarm that say that something was changed."""


class MonitorMetrics(Metrics):
    """The metrics of one monitor."""

    def __init__(self) -> None:
        super().__init__()
        counter, gauge = self._counter, self._gauge
        self.verified_size = gauge(
            "tlog_monitor_verified_size", "Entries in the last verified head"
        )
        self.entries_behind = gauge(
            "tlog_monitor_entries_behind",
            "Entries in the log's head and not yet read",
        )
        self.hits = counter("tlog_monitor_hits", "Entries found for a watch")
        self.alarms = counter("tlog_monitor_alarms", "Alarms raised", ("kind",))
        self.source_failures = counter(
            "tlog_monitor_source_failures", "Rounds in which the log did not answer"
        )
        self.compared_tiles = counter(
            "tlog_monitor_compared_tiles",
            "Hash tiles of the log that were compared with the computed ones",
        )
        self.tampered = counter(
            "tlog_tamper_detections",
            "Things that were found changed, by what they are",
            ("kind",),
        )
        for kind in TAMPERING:
            # There from the start: an alert on it must see zero.
            self.tampered.labels(kind)
        self.undelivered = gauge(
            "tlog_monitor_undelivered_alarms", "Alarms that wait for the webhook"
        )
