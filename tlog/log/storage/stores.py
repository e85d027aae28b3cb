"""What a log is stored in, opened together and closed in order.

Whoever assembles a log is handed a way to open its stores, and names no adapter.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tlog.durable.disk import Disk
from tlog.errors import CorruptError
from tlog.log.storage.folder import LogFolder
from tlog.log.storage.index import Index
from tlog.log.storage.journal import Journal
from tlog.log.storage.kept import KeptText
from tlog.log.storage.moved import Moved
from tlog.log.storage.objects import Objects
from tlog.log.storage.tenure import Tenure
from tlog.log.storage.writers import Writers
from tlog.log_lines import log_event


@dataclass(frozen=True, slots=True)
class Stores:
    """A folder that this process holds, and where its log is stored.

    contradictions: what witnesses have said against the log.  eras: which keys it has
    had.  moved: whether the log has left.  writers: the nodes that share it; None if
    nobody does.  failures: returns how often the objects' store could not do its work,
    where that is counted.
    """

    folder: LogFolder
    tenure: Tenure
    journal: Journal
    objects: Objects
    index: Index
    contradictions: KeptText
    eras: KeptText
    moved: Moved
    writers: Writers | None = None
    failures: Callable[[], int] | None = None

    def close(self) -> None:
        """Close all, and let go of the log and of the folder."""
        try:
            self.index.close()
        finally:
            self.journal.close()
            self.tenure.release()
            if self.writers is not None:
                self.writers.close()
            self.folder.close()


OpenStores = Callable[[LogFolder, Disk, str], Stores]
"""Opens or makes all stores of one log: its folder, the disk, its origin.

Raises CorruptError if one is broken, RejectedError if one may not be used, or
MachineError; the folder stays open then.
"""


def open_index(path: Path) -> Index:
    """Open or make an index; one that is damaged is made anew, empty.

    Recovery fills it.
    """
    try:
        return Index(path)
    except CorruptError as error:
        log_event("index made anew", level="warning", error=str(error))
        shutil.rmtree(path, ignore_errors=True)
        return Index(path)
