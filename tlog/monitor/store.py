"""What the monitor remembers: heads, how far it has read, hits, alarms.

One SQLite file.  Whatever moves the cursor, or tells of an alarm, is one transaction;
entries are synced before the transaction that counts them.  A hit is stored once for
each watch and index, so that nothing is told twice, however often it is read.

Hits at or beyond the verified size are of a head under way: they are told when the head
is accepted, and dropped if it is not.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlite_utils import Database, Migrations

from tlog.errors import CorruptError, FatalError, database_error
from tlog.folders import make_private_file
from tlogverify.hashing import EMPTY_ROOT, Hash

_MIGRATIONS: Final = Migrations("monitor")
_SIGHTINGS_PER_SOURCE: Final = 1_000


@_MIGRATIONS()
def _m001_all(database: Database) -> None:
    # cursor: one row.  bundles: how many full ones count.  edge: the incomplete bundle
    # at the verified size.
    database.table("cursor").create(
        {
            "id": int,
            "origin": str,
            "bundles": int,
            "size": int,
            "root": bytes,
            "note": bytes,
            "edge": bytes,
            "grown_s": int,
        },
        pk="id",
    )
    database.table("heads").create(
        {"size": int, "root": bytes, "note": bytes}, pk="size"
    )
    database.table("sightings").create(
        {"source": str, "size": int, "root": bytes, "note": bytes},
        pk=("source", "size", "root"),
    )
    database.table("watches").create({"label": str, "looked_to": int}, pk="label")
    database.table("hits").create(
        {"watch": str, "place": int, "entry": bytes, "name": str, "told": int},
        pk=("watch", "place"),
    )
    database.table("alarms").create(
        {"seq": int, "id": str, "body": str, "place": int, "shown": int, "posted": int},
        pk="seq",
    )
    database.table("conditions").create({"key": str}, pk="key")


class Head(NamedTuple):
    """A head that its signatures prove: size in leaves, root, and the note's bytes."""

    size: int
    root: Hash
    note: bytes


class Cursor(NamedTuple):
    """How far the monitor is: the verified head, and what is stored besides.

    bundles: full ones that are stored; beyond the head's they are not verified.
    edge: the incomplete bundle at the head's size.  grown_s: when it last grew.
    """

    origin: str
    bundles: int
    head: Head
    edge: bytes
    grown_s: int


class Sighting(NamedTuple):
    """A head larger than the verified one, as another source showed it."""

    source: str
    head: Head


class Hit(NamedTuple):
    """An entry that a watch is looking for.

    watch: the digest as text.  name: what the user called it.  place: its index.
    """

    watch: str
    name: str
    place: int
    entry: bytes


class Untold(NamedTuple):
    """An alarm that has not got to where it is sent.

    place: the index of the entry that it is about, or -1.
    """

    seq: int
    id: str
    body: str
    place: int


class NewAlarm(NamedTuple):
    """An alarm to store."""

    id: str
    body: str
    place: int = -1


Tell = Callable[[Head, Hit], NewAlarm]
"""How a hit becomes an alarm, in a verified head."""

NOTHING: Final = Cursor("", 0, Head(0, EMPTY_ROOT, b""), b"", 0)


class Store:
    """An open store; any thread may call, one at a time gets in.

    Raises FatalError where the outcome of a write is unknown.
    """

    def __init__(self, path: Path, *, is_posting: bool) -> None:
        """Open or make the file; is_posting: whether alarms are posted anywhere."""
        self._posted = 0 if is_posting else 1
        self._lock = threading.RLock()
        make_private_file(path)
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
        except sqlite3.DatabaseError as error:
            raise database_error(str(path), error) from error
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            if self._connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise CorruptError(str(path), "SQLite finds it damaged")
            _MIGRATIONS.apply(Database(self._connection))
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise database_error(str(path), error) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def cursor(self) -> Cursor:
        """Return how far the monitor is."""
        sql = "SELECT origin, bundles, size, root, note, edge, grown_s FROM cursor"
        for origin, bundles, size, root, note, edge, grown_s in self._rows(sql):
            head = Head(size, Hash(root), note)
            return Cursor(origin, bundles, head, edge, grown_s)
        return NOTHING

    def advance(
        self, bundles: int, hits: Iterable[Hit], watches: Sequence[str]
    ) -> None:
        """Count bundles that are stored and not yet verified, and what was found."""
        with self._transaction():
            self._require_cursor()
            self._execute("UPDATE cursor SET bundles = ?", bundles)
            self._put_hits(hits)
            self._look_to(watches, bundles * 256)

    def drop_unverified(self) -> int:
        """Forget what lies beyond the verified head; return the bundles that count."""
        with self._transaction():
            size = self.cursor().head.size
            self._execute("UPDATE cursor SET bundles = size / 256")
            self._execute("DELETE FROM hits WHERE place >= ?", size)
            self._execute("UPDATE watches SET looked_to = min(looked_to, ?)", size)
        return size // 256

    def accept(
        self, cursor: Cursor, hits: Iterable[Hit], watches: Sequence[str], tell: Tell
    ) -> None:
        """Move to a verified head; every hit below its size becomes an alarm."""
        head = cursor.head
        with self._transaction():
            self._execute("DELETE FROM cursor")
            self._execute(
                "INSERT INTO cursor VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                cursor.origin,
                cursor.bundles,
                *head,
                cursor.edge,
                cursor.grown_s,
            )
            self._execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", *head)
            self._put_hits(hits)
            self._look_to(watches, head.size)
            self._tell_hits(head, tell)

    def look_back(
        self, hits: Iterable[Hit], watches: Sequence[str], looked_to: int, tell: Tell
    ) -> None:
        """Store what new watches found in entries that were read before."""
        with self._transaction():
            self._put_hits(hits)
            self._look_to(watches, looked_to)
            self._tell_hits(self.cursor().head, tell)

    def looked_to(self, labels: Sequence[str]) -> dict[str, int]:
        """Return up to which size each watch was looked for; 0 for a new one."""
        known = dict(self._rows("SELECT label, looked_to FROM watches"))
        return {label: known.get(label, 0) for label in labels}

    def remember(self, sighting: Sighting) -> None:
        """Keep a head until the log has grown up to it."""
        with self._transaction():
            self._execute(
                "INSERT OR IGNORE INTO sightings VALUES (?, ?, ?, ?)",
                sighting.source,
                *sighting.head,
            )
            # A log can sign heads for ever: the largest are the last to be compared.
            self._execute(
                "DELETE FROM sightings WHERE source = ? AND rowid NOT IN (SELECT rowid "
                "FROM sightings WHERE source = ? ORDER BY size LIMIT ?)",
                sighting.source,
                sighting.source,
                _SIGHTINGS_PER_SOURCE,
            )

    def renew(self, head: Head) -> None:
        """Replace the note of the verified head; size and root are the same."""
        with self._transaction():
            self._execute("UPDATE cursor SET note = ?", head.note)
            self._execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", *head)

    def grew_at(self, time_s: int) -> None:
        """Note when the log grew last, where what is stored is in the future."""
        with self._transaction():
            self._execute("UPDATE cursor SET grown_s = ?", time_s)

    def forget(self, sighting: Sighting) -> None:
        """Drop a head that was compared."""
        with self._transaction():
            self._execute(
                "DELETE FROM sightings WHERE source = ? AND size = ? AND root = ?",
                sighting.source,
                sighting.head.size,
                sighting.head.root,
            )

    def sightings(self, size: int) -> list[Sighting]:
        """Return the remembered heads up to `size`."""
        sql = "SELECT source, size, root, note FROM sightings WHERE size <= ?"
        return [
            Sighting(source, Head(found, Hash(root), note))
            for source, found, root, note in self._rows(sql, size)
        ]

    def raise_condition(self, key: str, alarm: NewAlarm) -> bool:
        """Store an alarm unless its condition holds already; tell whether it is new."""
        with self._transaction():
            if self._rows("SELECT key FROM conditions WHERE key = ?", key):
                return False
            self._execute("INSERT INTO conditions VALUES (?)", key)
            self._put_alarm(alarm)
        return True

    def end_condition(self, key: str, alarm: NewAlarm | None) -> bool:
        """End a condition, with an alarm if there is one; tell whether it held."""
        with self._transaction():
            if not self._rows("SELECT key FROM conditions WHERE key = ?", key):
                return False
            self._execute("DELETE FROM conditions WHERE key = ?", key)
            if alarm is not None:
                self._put_alarm(alarm)
        return True

    def conditions(self) -> list[str]:
        """Return the conditions that hold."""
        return [key for (key,) in self._rows("SELECT key FROM conditions ORDER BY key")]

    def unshown(self) -> list[Untold]:
        """Return the alarms that were not written yet, in order."""
        return self._untold("shown = 0")

    def unposted(self) -> list[Untold]:
        """Return the alarms that were written and not posted yet, in order."""
        return self._untold("shown = 1 AND posted = 0")

    def mark_shown(self, last: int) -> None:
        """Note that all alarms up to one were shown: they are shown in order."""
        with self._transaction():
            self._execute(
                "UPDATE alarms SET shown = 1 WHERE seq <= ? AND shown = 0", last
            )

    def mark_posted(self, last: int) -> None:
        """Note that all alarms up to one were posted: they are posted in order."""
        with self._transaction():
            self._execute(
                "UPDATE alarms SET posted = 1 WHERE seq <= ? AND posted = 0", last
            )

    def _untold(self, condition: str) -> list[Untold]:
        sql = f"SELECT seq, id, body, place FROM alarms WHERE {condition} ORDER BY seq LIMIT 1000"  # noqa: E501, S608 - our own text
        return [Untold(*row) for row in self._rows(sql)]

    def _require_cursor(self) -> None:
        if not self._rows("SELECT id FROM cursor"):
            self._execute(
                "INSERT INTO cursor VALUES (1, '', 0, 0, ?, x'', x'', 0)", EMPTY_ROOT
            )

    def _put_hits(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            self._execute(
                "INSERT OR IGNORE INTO hits VALUES (?, ?, ?, ?, 0)",
                hit.watch,
                hit.place,
                hit.entry,
                hit.name,
            )

    def _look_to(self, watches: Sequence[str], size: int) -> None:
        for label in watches:
            self._execute(
                "INSERT INTO watches VALUES (?, ?) ON CONFLICT DO UPDATE SET "
                "looked_to = max(looked_to, excluded.looked_to)",
                label,
                size,
            )

    def _tell_hits(self, head: Head, tell: Tell) -> None:
        sql = (
            "SELECT watch, name, place, entry FROM hits "
            "WHERE told = 0 AND place < ? ORDER BY place, watch"
        )
        # One by one: a watch may be hit by every entry there is.
        for row in self._connection.execute(sql, (head.size,)):
            self._put_alarm(tell(head, Hit(*row)))
        self._execute(
            "UPDATE hits SET told = 1 WHERE told = 0 AND place < ?", head.size
        )

    def _put_alarm(self, alarm: NewAlarm) -> None:
        self._execute(
            "INSERT INTO alarms (id, body, place, shown, posted) "
            "VALUES (?, ?, ?, 0, ?)",
            *alarm,
            self._posted,
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException as error:
                # Without one under way this fails, and the first error says more.
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise FatalError(f"the store takes nothing: {error}") from error
                raise

    def _execute(self, sql: str, *values: object) -> None:
        self._connection.execute(sql, values)

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise database_error("the store", error) from error
