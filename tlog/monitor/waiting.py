"""Heads that wait until the verified tree has grown to their size.

Only then can they be compared with it.  A log can sign heads for ever: of each party
the thousand smallest are kept, which are the first ones that can be compared.
"""

from typing import Final, NamedTuple

from tlog.monitor.database import StateDatabase
from tlog.monitor.heads import SeenHead
from tlog.monitor.parties import Party
from tlogverify.hashing import to_hash

_HEADS_PER_PARTY: Final = 1_000


class WaitingHead(NamedTuple):
    """A head and who has shown it."""

    party: Party
    head: SeenHead


class WaitingHeads:
    """The waiting heads of one state."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def put(self, waiting: WaitingHead) -> None:
        """Keep a head until it is compared."""
        with self._database.transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO waiting_heads "
                "(party, told, vkey, size, root, note) VALUES (?, ?, ?, ?, ?, ?)",
                *waiting.party,
                *waiting.head,
            )
            self._database.execute(
                "DELETE FROM waiting_heads WHERE party = ? AND rowid NOT IN (SELECT "
                "rowid FROM waiting_heads WHERE party = ? ORDER BY size LIMIT ?)",
                waiting.party.key,
                waiting.party.key,
                _HEADS_PER_PARTY,
            )

    def up_to(self, size: int) -> list[WaitingHead]:
        """Return the waiting heads of at most `size` leaves."""
        sql = (
            "SELECT party, told, vkey, size, root, note FROM waiting_heads "
            "WHERE size <= ?"
        )
        return [
            WaitingHead(Party(*party), SeenHead(found, to_hash(root), note))
            for *party, found, root, note in self._database.rows(sql, size)
        ]

    def drop(self, waiting: WaitingHead) -> None:
        """Drop a head that was compared."""
        with self._database.transaction():
            self._database.execute(
                "DELETE FROM waiting_heads WHERE party = ? AND size = ? AND root = ?",
                waiting.party.key,
                waiting.head.size,
                waiting.head.root,
            )

    def adopt(self, party: Party, old_key: str) -> None:
        """Give to a party what an older state kept under another key."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE OR REPLACE waiting_heads SET party = ?, told = ?, vkey = ? "
                "WHERE party = ?",
                *party,
                old_key,
            )
