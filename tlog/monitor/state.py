"""A monitor's state folder, open and held by this process alone.

lock                          held by the one process that may write
monitor.db (-wal, -shm)       heads, hits, alarms
entries.bin ends.bin roots.bin    the entries that were read
proofs/  evidence/            files for strangers to check
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tlog.errors import CorruptError
from tlog.folders import (
    hold_folder,
    make_role_folder,
    require_own_folder,
    set_modes,
)
from tlog.monitor.bundles import StoredBundles
from tlog.monitor.store import Store
from tlog.monitor.stored import StoredTree


@dataclass(frozen=True, slots=True)
class State:
    """The parts of a state folder."""

    folder: Path
    store: Store
    bundles: StoredBundles

    def tree(self) -> StoredTree:
        """Return the verified tree."""
        cursor = self.store.cursor()
        return StoredTree(self.bundles, cursor.edge, cursor.head.size)


@contextmanager
def open_state(folder: Path, *, is_posting: bool) -> Iterator[State]:
    """Open a state folder, made if it is new.

    Raises RejectedError if another process holds it, CorruptError if the stored entries
    do not lead to the verified head.
    """
    require_own_folder(folder, "monitor")
    make_role_folder(folder, "monitor")
    lock = hold_folder(folder)
    try:
        set_modes(folder, "monitor")
        with closing(Store(folder / "monitor.db", is_posting=is_posting)) as store:
            count = store.cursor().bundles
            with closing(StoredBundles(folder, count)) as bundles:
                state = State(folder, store, bundles)
                head = store.cursor().head
                if state.tree().root(head.size) != head.root:
                    raise CorruptError(
                        "entries.bin", "it does not lead to the verified head"
                    )
                yield state
    finally:
        lock.release()
