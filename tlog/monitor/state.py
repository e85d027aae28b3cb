"""A monitor's state folder, open and held by this process alone.

lock                              held by the one process that may write
monitor.db (-wal, -shm)           cursor, watches, hits, alarms, heads that wait
entries.bin ends.bin roots.bin    the entries that were read
proofs/  evidence/                files that strangers can check
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tlog.errors import CorruptError
from tlog.folders import (
    hold_folder,
    make_role_folder,
    making_folder,
    require_own_folder,
    set_modes,
)
from tlog.monitor.awaited import AwaitedDocuments
from tlog.monitor.bundles import StoredBundles
from tlog.monitor.compared import ComparedTiles
from tlog.monitor.database import StateDatabase
from tlog.monitor.outbox import Outbox
from tlog.monitor.reading import Cursor, Reading
from tlog.monitor.stored import StoredTree
from tlog.monitor.waiting import WaitingHeads


@dataclass(frozen=True, slots=True)
class State:
    """The parts of a state folder."""

    folder: Path
    reading: Reading
    outbox: Outbox
    waiting: WaitingHeads
    compared: ComparedTiles
    awaited: AwaitedDocuments
    bundles: StoredBundles

    def cursor(self) -> Cursor:
        """Return how far the monitor is."""
        return self.reading.cursor()

    def tree(self) -> StoredTree:
        """Return the verified tree."""
        cursor = self.cursor()
        return StoredTree(self.bundles, cursor.edge, cursor.head.size)

    def drop_run(self) -> None:
        """Forget what was read beyond the verified head."""
        self.bundles.cut(self.reading.drop_run())


@contextmanager
def open_state(folder: Path, *, is_posting: bool) -> Iterator[State]:
    """Open a state folder, made if it is new.

    is_posting: whether alarms are posted anywhere.

    Raises RejectedError if another process holds it or it is no folder, OSError if it
    cannot be written to, CorruptError if the stored entries do not lead to the verified
    head.
    """
    require_own_folder(folder, "monitor")
    with making_folder(folder):
        make_role_folder(folder, "monitor")
    lock = hold_folder(folder)
    try:
        set_modes(folder, "monitor")
        with closing(StateDatabase(folder / "monitor.db")) as database:
            outbox = Outbox(database, is_posting=is_posting)
            reading = Reading(database, outbox)
            cursor = reading.cursor()
            with closing(StoredBundles(folder, cursor.bundles)) as bundles:
                state = State(
                    folder,
                    reading,
                    outbox,
                    WaitingHeads(database),
                    ComparedTiles(database),
                    AwaitedDocuments(database, outbox),
                    bundles,
                )
                if state.tree().root(cursor.head.size) != cursor.head.root:
                    raise CorruptError(
                        "entries.bin", "it does not lead to the verified head"
                    )
                yield state
    finally:
        lock.release()
