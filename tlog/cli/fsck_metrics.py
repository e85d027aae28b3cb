"""What `tlog fsck` leaves for a collector of text files."""

from pathlib import Path
from typing import get_args

from tlog.fsck.damage import Kind
from tlog.textfiles import TextMetrics


class FsckMetrics(TextMetrics):
    """What a run of `tlog fsck` writes."""

    prefix = "tlog_fsck"

    def __init__(self) -> None:
        super().__init__()
        self.damage = self._gauge(
            "tlog_fsck_damage",
            "Whether the last run found damage of a kind",
            ("kind",),
        )
        self.ended = self._gauge(
            "tlog_fsck_timestamp_seconds", "When the last run ended"
        )


def write_fsck(path: Path, kind: str) -> None:
    """Write the metrics of a run; kind: of the damage, none if all is whole."""
    metrics = FsckMetrics()
    for known in get_args(Kind):
        metrics.damage.labels(known).set(known == kind)
    metrics.ended.set_to_current_time()
    metrics.write(path)
