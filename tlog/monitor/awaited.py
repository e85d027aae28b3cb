"""SBOMs that the log has named and not given: asked for again, and told once."""

from typing import Final, NamedTuple

from tlog.monitor.database import StateDatabase
from tlog.monitor.outbox import NewAlarm, Outbox

MAX_AWAITED: Final = 10_000


class Awaited(NamedTuple):
    """One of them; since_s: when it was asked for first."""

    entry_index: int
    sha256: bytes
    since_s: int
    told: bool


class AwaitedDocuments:
    """Those of one state; at most 10,000."""

    def __init__(self, database: StateDatabase, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def add(self, entry_index: int, sha256: bytes, now_s: int) -> bool:
        """Keep one; return whether there was room for it."""
        if self.count() >= MAX_AWAITED:
            return False
        with self._database.transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO awaited VALUES (?, ?, ?, ?, 0)",
                entry_index,
                sha256,
                now_s,
                now_s,
            )
        return True

    def count(self) -> int:
        """Return how many there are."""
        return int(self._database.rows("SELECT count(*) FROM awaited")[0][0])

    def next(self, most: int) -> list[Awaited]:
        """Return those that were asked for the longest time ago."""
        sql = (
            "SELECT entry_index, sha256, since_s, told FROM awaited "
            "ORDER BY tried_s, entry_index LIMIT ?"
        )
        return [
            Awaited(index, sha256, since_s, bool(told))
            for index, sha256, since_s, told in self._database.rows(sql, most)
        ]

    def tried(self, awaited: Awaited, now_s: int) -> None:
        """Take note that one was asked for in vain."""
        with self._database.transaction():
            sql = "UPDATE awaited SET tried_s = ? WHERE entry_index = ?"
            self._database.execute(sql, now_s, awaited.entry_index)

    def tell(self, entry_index: int, alarm: NewAlarm) -> None:
        """Raise the alarm of one, whether it is kept here or not."""
        with self._database.transaction():
            sql = "UPDATE awaited SET told = 1 WHERE entry_index = ?"
            self._database.execute(sql, entry_index)
            self._outbox.put(alarm)

    def drop(self, entry_index: int) -> None:
        """Forget one, which has come or can never be read."""
        with self._database.transaction():
            sql = "DELETE FROM awaited WHERE entry_index = ?"
            self._database.execute(sql, entry_index)
