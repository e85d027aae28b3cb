"""How far the monitor has read, and what its watches found there.

Behind the verified head there may be an unverified run: full bundles that are stored
and counted, but belong to a larger head that is not proven yet.  Hits in the run wait
there.  They become alarms in the transaction that accepts the head, and are dropped
with the run if the head is not proven.

A hit is stored once for each watch and index, so that no second reading repeats it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tlog.monitor.database import StateDatabase
from tlog.monitor.heads import NO_HEAD, SeenHead
from tlog.monitor.outbox import NewAlarm, Outbox
from tlogverify.hashing import EMPTY_ROOT, to_hash
from tlogverify.tiles import TILE_WIDTH


class Cursor(NamedTuple):
    """How far the monitor is: the verified head, and what is stored besides.

    origin: of the log; empty before its first head.  bundles: full ones that are
    stored, those of the unverified run too.  edge: the incomplete bundle at the
    verified size.
    grown_s: POSIX seconds of the last growth.
    """

    origin: str
    bundles: int
    head: SeenHead
    edge: bytes
    grown_s: int

    @property
    def first_of_run(self) -> int:
        """The number of the first bundle that an unverified run adds to or replaces."""
        return self.head.size // TILE_WIDTH

    @property
    def stored_size(self) -> int:
        """The size up to which entries are stored, verified or not."""
        return max(self.head.size, self.bundles * TILE_WIDTH)


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that a watch is looking for.

    watch: as the state spells it, see `Watch.label`.  name: what the user called it.
    index: the entry's.  entry: its first bytes.
    """

    watch: str
    name: str
    index: int
    entry: bytes


AlarmOfHit = Callable[[SeenHead, Hit], NewAlarm]
"""Makes the alarm of a hit that a verified head contains."""

NOTHING_READ: Final = Cursor("", 0, NO_HEAD, b"", 0)

CURSOR: Final = "SELECT origin, bundles, size, root, note, edge, grown_s FROM cursor"
"""The query whose rows `cursor_of` takes."""


def cursor_of(rows: Sequence[Any]) -> Cursor:
    """Return the cursor of the table's one row, or of none."""
    for origin, bundles, size, root, note, edge, grown_s in rows:
        head = SeenHead(size, to_hash(root), note)
        return Cursor(origin, bundles, head, edge, grown_s)
    return NOTHING_READ


class Reading:
    """The cursor, the watches and the hits of one state."""

    def __init__(self, database: StateDatabase, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def cursor(self) -> Cursor:
        """Return how far the monitor is."""
        return cursor_of(self._database.rows(CURSOR))

    def lengthen_run(
        self, bundles: int, hits: Iterable[Hit], watches: Sequence[str]
    ) -> None:
        """Count stored bundles as the unverified run, and keep what was found in them.

        bundles: full ones that are synced, in all.
        """
        with self._database.transaction():
            self._require_cursor()
            self._database.execute("UPDATE cursor SET bundles = ?", bundles)
            self._put_hits(hits)
            self._look_to(watches, bundles * TILE_WIDTH)

    def drop_run(self) -> int:
        """Forget the unverified run; return how many bundles count without it."""
        with self._database.transaction():
            cursor = self.cursor()
            size, bundles = cursor.head.size, cursor.first_of_run
            self._database.execute("UPDATE cursor SET bundles = ?", bundles)
            self._database.execute("DELETE FROM hits WHERE entry_index >= ?", size)
            self._database.execute(
                "UPDATE watches SET looked_to = min(looked_to, ?)", size
            )
        return bundles

    def accept(
        self,
        cursor: Cursor,
        edge_hits: Iterable[Hit],
        watches: Sequence[str],
        alarm_of: AlarmOfHit,
    ) -> None:
        """Move to a verified head; every hit below its size becomes an alarm."""
        head = cursor.head
        with self._database.transaction():
            self._database.execute("DELETE FROM cursor")
            self._database.execute(
                "INSERT INTO cursor VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                cursor.origin,
                cursor.bundles,
                *head,
                cursor.edge,
                cursor.grown_s,
            )
            self._keep_accepted(head)
            self._put_hits(edge_hits)
            self._look_to(watches, head.size)
            self._raise_hits(head, alarm_of)

    def renew(self, head: SeenHead) -> None:
        """Replace the note of the verified head; size and root are the same."""
        with self._database.transaction():
            self._database.execute("UPDATE cursor SET note = ?", head.note)
            self._keep_accepted(head)

    def look_back(
        self,
        hits: Iterable[Hit],
        watches: Sequence[str],
        looked_to: int,
        alarm_of: AlarmOfHit,
    ) -> None:
        """Store what new watches found in entries that were read before them."""
        with self._database.transaction():
            self._put_hits(hits)
            self._look_to(watches, looked_to)
            self._raise_hits(self.cursor().head, alarm_of)

    def looked_to(self, labels: Sequence[str]) -> dict[str, int]:
        """Return up to which size each watch was looked for; 0 for a new one."""
        known = dict(self._database.rows("SELECT label, looked_to FROM watches"))
        return {label: known.get(label, 0) for label in labels}

    def hits_of(self, watches: Sequence[str], size: int) -> list[tuple[int, bytes]]:
        """Return index and entry of the hits of watches below a size, in order."""
        marks = ", ".join("?" * len(watches))
        rows = self._database.rows(
            f"SELECT DISTINCT entry_index, entry FROM hits WHERE watch IN ({marks}) "  # noqa: S608 - question marks alone
            "AND entry_index < ? ORDER BY entry_index",
            *watches,
            size,
        )
        return [(int(index), bytes(entry)) for index, entry in rows]

    def correct_growth(self, time_s: int) -> None:
        """Replace the time of the last growth, if the stored one is in the future."""
        with self._database.transaction():
            self._database.execute("UPDATE cursor SET grown_s = ?", time_s)

    def met_at(self) -> str:
        """Return the URL or folder where the log was met last; empty if not known."""
        rows = self._database.rows("SELECT place FROM met_at")
        return str(rows[0][0]) if rows else ""

    def meet_at(self, place: str) -> None:
        """Remember where the log was met."""
        with self._database.transaction():
            self._database.execute("DELETE FROM met_at")
            self._database.execute("INSERT INTO met_at VALUES (?)", place)

    def _require_cursor(self) -> None:
        if not self._database.rows("SELECT id FROM cursor"):
            self._database.execute(
                "INSERT INTO cursor VALUES (1, '', 0, 0, ?, x'', x'', 0)", EMPTY_ROOT
            )

    def _keep_accepted(self, head: SeenHead) -> None:
        self._database.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", *head)

    def _put_hits(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            self._database.execute(
                "INSERT OR IGNORE INTO hits (watch, entry_index, entry, name, raised) "
                "VALUES (?, ?, ?, ?, 0)",
                hit.watch,
                hit.index,
                hit.entry,
                hit.name,
            )

    def _look_to(self, watches: Sequence[str], size: int) -> None:
        for label in watches:
            self._database.execute(
                "INSERT INTO watches VALUES (?, ?) ON CONFLICT DO UPDATE SET "
                "looked_to = max(looked_to, excluded.looked_to)",
                label,
                size,
            )

    def _raise_hits(self, head: SeenHead, alarm_of: AlarmOfHit) -> None:
        sql = (
            "SELECT watch, name, entry_index, entry FROM hits "
            "WHERE raised = 0 AND entry_index < ? ORDER BY entry_index, watch"
        )
        # One by one, since every entry that there is may be a hit of one watch.
        for row in self._database.each(sql, head.size):
            self._outbox.put(alarm_of(head, Hit(*row)))
        self._database.execute(
            "UPDATE hits SET raised = 1 WHERE raised = 0 AND entry_index < ?", head.size
        )
