"""Heads that wait until the verified tree has grown to their size.

Only then can they be compared with it.  A log can sign heads for ever: of each source
the thousand smallest are kept, which are the first ones that can be compared.
"""

from typing import Final, NamedTuple

from tlog.monitor.database import StateDatabase
from tlog.monitor.heads import SeenHead
from tlogverify.hashing import Hash

_HEADS_PER_SOURCE: Final = 1_000


class WaitingHead(NamedTuple):
    """A head and who has shown it."""

    source: str
    head: SeenHead


class WaitingHeads:
    """The waiting heads of one state."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def put(self, waiting: WaitingHead) -> None:
        """Keep a head until it is compared."""
        with self._database.transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO waiting_heads VALUES (?, ?, ?, ?)",
                waiting.source,
                *waiting.head,
            )
            self._database.execute(
                "DELETE FROM waiting_heads WHERE source = ? AND rowid NOT IN (SELECT "
                "rowid FROM waiting_heads WHERE source = ? ORDER BY size LIMIT ?)",
                waiting.source,
                waiting.source,
                _HEADS_PER_SOURCE,
            )

    def up_to(self, size: int) -> list[WaitingHead]:
        """Return the waiting heads of at most `size` leaves."""
        sql = "SELECT source, size, root, note FROM waiting_heads WHERE size <= ?"
        return [
            WaitingHead(source, SeenHead(found, Hash(root), note))
            for source, found, root, note in self._database.rows(sql, size)
        ]

    def drop(self, waiting: WaitingHead) -> None:
        """Drop a head that was compared."""
        with self._database.transaction():
            self._database.execute(
                "DELETE FROM waiting_heads WHERE source = ? AND size = ? AND root = ?",
                waiting.source,
                waiting.head.size,
                waiting.head.root,
            )
