"""Metrics of commands that end: left in a file, for Prometheus's collector of such."""

from pathlib import Path

from tlog.folders import PUBLIC_FILE, write_whole
from tlog.metrics import Metrics


class TextMetrics(Metrics):
    """What a command leaves in a file, for a collector of text files.

    prefix: of the metrics that are the command's own.
    """

    prefix = "tlog_"

    def write(self, path: Path) -> None:
        """Write the file, whole: the collector may read it at any time."""
        lines = self.render().decode().splitlines(keepends=True)
        ours = [it for it in lines if self.prefix in it and "_created" not in it]
        write_whole(path, "".join(ours).encode(), mode=PUBLIC_FILE)
