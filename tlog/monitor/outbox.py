"""Alarms that wait to be written and posted, and the conditions that they began.

A condition holds from its alarm until it is ended, and raises no second alarm in
between.  Alarms leave in the order in which they came, and each at least once.
"""

from typing import NamedTuple

from tlog.monitor.database import StateDatabase
from tlog.monitor.parties import Party


class NewAlarm(NamedTuple):
    """An alarm to store.

    entry_index: of the entry that it is about; -1 if it is about no entry.
    """

    id: str
    body: str
    entry_index: int = -1


class WaitingAlarm(NamedTuple):
    """An alarm that has not reached everybody whom it is for.

    seq: its number in the order of alarms.  entry_index: as in `NewAlarm`.
    """

    seq: int
    id: str
    body: str
    entry_index: int


class Condition(NamedTuple):
    """What an alarm says of a party, for as long as it is so.

    is_unproven: of a split view, whether there is no evidence of it yet.
    """

    kind: str
    party: Party
    is_unproven: bool = False

    @property
    def told(self) -> str:
        """The condition as people read it."""
        unproven = " unproven" if self.is_unproven else ""
        return f"{self.kind} {self.party.told}{unproven}"


class Outbox:
    """The alarms and conditions of one state."""

    def __init__(self, database: StateDatabase, *, is_posting: bool) -> None:
        """is_posting: whether alarms that are raised from now on are posted."""
        self._database = database
        self._posted = 0 if is_posting else 1

    def put(self, alarm: NewAlarm) -> None:
        """Add one alarm, within a transaction that the caller holds."""
        self._database.execute(
            "INSERT INTO alarms (id, body, entry_index, shown, posted) "
            "VALUES (?, ?, ?, 0, ?)",
            *alarm,
            self._posted,
        )

    def raise_condition(self, condition: Condition, alarm: NewAlarm) -> bool:
        """Store an alarm unless its condition holds; return whether it was stored."""
        with self._database.transaction():
            if self._holds(condition):
                return False
            self._database.execute(
                "INSERT INTO conditions (kind, party, told, vkey, is_unproven) "
                "VALUES (?, ?, ?, ?, ?)",
                condition.kind,
                *condition.party,
                condition.is_unproven,
            )
            self.put(alarm)
        return True

    def end_condition(self, condition: Condition, alarm: NewAlarm | None) -> bool:
        """End a condition, with an alarm if one is given; return whether it held."""
        with self._database.transaction():
            if not self._holds(condition):
                return False
            self._database.execute(
                "DELETE FROM conditions "
                "WHERE kind = ? AND party = ? AND is_unproven = ?",
                *_place_of(condition),
            )
            if alarm is not None:
                self.put(alarm)
        return True

    def conditions(self) -> list[Condition]:
        """Return the conditions that hold."""
        sql = (
            "SELECT kind, party, told, vkey, is_unproven FROM conditions "
            "ORDER BY kind, told, is_unproven"
        )
        return [
            Condition(kind, Party(*party), bool(is_unproven))
            for kind, *party, is_unproven in self._database.rows(sql)
        ]

    def adopt(self, party: Party, old_key: str) -> None:
        """Give to a party what an older state kept under another key."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE OR REPLACE conditions SET party = ?, told = ?, vkey = ? "
                "WHERE party = ?",
                *party,
                old_key,
            )

    def unshown(self) -> list[WaitingAlarm]:
        """Return the first 1,000 alarms that were not written yet, in order."""
        return self._waiting("shown = 0")

    def unposted(self) -> list[WaitingAlarm]:
        """Return the first 1,000 alarms that were written and not posted, in order."""
        return self._waiting("shown = 1 AND posted = 0")

    def mark_shown(self, last: int) -> None:
        """Note that all alarms up to number `last` were written."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE alarms SET shown = 1 WHERE seq <= ? AND shown = 0", last
            )

    def mark_posted(self, last: int) -> None:
        """Note that all alarms up to number `last` were posted."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE alarms SET posted = 1 WHERE seq <= ? AND posted = 0", last
            )

    def _holds(self, condition: Condition) -> bool:
        sql = (
            "SELECT kind FROM conditions "
            "WHERE kind = ? AND party = ? AND is_unproven = ?"
        )
        return bool(self._database.rows(sql, *_place_of(condition)))

    def _waiting(self, condition: str) -> list[WaitingAlarm]:
        sql = f"SELECT seq, id, body, entry_index FROM alarms WHERE {condition} ORDER BY seq LIMIT 1000"  # noqa: E501, S608 - our own text
        return [WaitingAlarm(*row) for row in self._database.rows(sql)]


def _place_of(condition: Condition) -> tuple[object, ...]:
    return condition.kind, condition.party.key, condition.is_unproven
