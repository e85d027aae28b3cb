"""The journal: accepted entries and the signed head, in one SQLite transaction.

This is the commit point.  A batch is acknowledged after `commit` has returned and not
before: WAL with full sync, the head compared and swapped in the same transaction.
Batches stay until the tiles and bundles that hold them are durable; each batch is one
row, encoded as an entry bundle of any width.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from sqlite_utils import Database, Migrations

from tlog.errors import BusyError, CorruptError, FatalError
from tlog.logs import log_event

_MIGRATIONS: Final = Migrations("journal")

# For the write-ahead log's own growth and the tiles of what is committed.
_RESERVE_BYTES: Final = 32 << 20


@_MIGRATIONS()
def _m001_batches_and_head(database: Database) -> None:
    # integer, blob: a batch is [start, end) of the tree; the head is one row.
    database.table("batches").create(
        {"start": int, "end": int, "entries": bytes},
        pk="start",
        not_null={"end", "entries"},
    )
    database.table("head").create(
        {"id": int, "size": int, "note": bytes}, pk="id", not_null={"size", "note"}
    )


class Head(NamedTuple):
    """The newest signed head: size in leaves, and the note's bytes."""

    size: int
    note: bytes


class StoredBatch(NamedTuple):
    """The leaves [start, end) and their entries, encoded as a bundle."""

    start: int
    end: int
    entries: bytes


class Connection(Protocol):
    """What the hot path needs of `sqlite3.Connection`; tests break it."""

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> object:
        """Run one statement."""
        ...


class Journal:
    """An open journal; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make the journal; CorruptError if it is not one."""
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
        except sqlite3.DatabaseError as error:
            raise CorruptError(str(path), str(error)) from error
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA wal_autocheckpoint = 4000")
            self._connection.execute("PRAGMA journal_size_limit = 67108864")
            _MIGRATIONS.apply(Database(self._connection))
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise CorruptError(str(path), str(error)) from error
        self._path = path
        self.hot: Connection = self._connection

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()

    def head(self) -> Head | None:
        """Return the newest signed head, or None in a new log."""
        rows = self._rows("SELECT size, note FROM head", "the journal's head")
        return next((Head(*row) for row in rows), None)

    def batches(self) -> Iterator[StoredBatch]:
        """Return all batches that are not trimmed, in the tree's order."""
        sql = 'SELECT start, "end", entries FROM batches ORDER BY start'
        rows = self._rows(sql, "the journal's batch at {}")
        return (StoredBatch(*row) for row in rows)

    def commit(
        self, old: Head | None, new: Head, batch: StoredBatch | None, trim_to: int
    ) -> None:
        """Store a batch and move the head from `old` to `new`, durably.

        trim_to: batches that end at or below it are dropped; they are in durable
        bundles.

        Raises BusyError if nothing was stored (a full disk), FatalError if the head is
        not `old` or the outcome is unknown.
        """
        needed = _RESERVE_BYTES + (2 * len(batch.entries) if batch else 0)
        if self._free_bytes() < needed:
            # SQLite finds a full disk at COMMIT, when the outcome is unknown.
            raise BusyError("the disk is nearly full", retry_after_s=30)
        try:
            self.hot.execute("BEGIN IMMEDIATE")
            self._swap_head(old, new)
            self.hot.execute('DELETE FROM batches WHERE "end" <= ?', (trim_to,))
            if batch is not None:
                self.hot.execute("INSERT INTO batches VALUES (?, ?, ?)", batch)
        except sqlite3.Error as error:
            self._roll_back()
            raise BusyError(f"the journal takes no entries: {error}") from error
        except FatalError:
            self._roll_back()
            raise
        try:
            self.hot.execute("COMMIT")
        except sqlite3.Error as error:
            # The head may have moved or not; only a restart, which reads it, can tell.
            raise FatalError(f"the journal's commit is unknown: {error}") from error

    @property
    def has_room(self) -> bool:
        """Whether the disk has room for another commit."""
        return self._free_bytes() >= _RESERVE_BYTES

    def trim(self, trim_to: int) -> None:
        """Drop the batches that end at or below `trim_to`, if that can be done now."""
        try:
            self.hot.execute('DELETE FROM batches WHERE "end" <= ?', (trim_to,))
        except sqlite3.Error as error:
            # Nothing is lost: the next commit drops them too.
            log_event("the journal was not trimmed", level="warning", error=str(error))

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def _swap_head(self, old: Head | None, new: Head) -> None:
        if old is None:
            sql = (
                "INSERT INTO head SELECT 1, ?, ? WHERE NOT EXISTS (SELECT 1 FROM head)"
            )
            self.hot.execute(sql, new)
        else:
            sql = "UPDATE head SET size = ?, note = ? WHERE size = ? AND note = ?"
            self.hot.execute(sql, (*new, *old))
        if self._connection.execute("SELECT changes()").fetchone() != (1,):
            raise FatalError("the stored head is not the one that this process signed")

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise FatalError(f"the journal cannot roll back: {error}") from error

    def _rows(self, sql: str, where: str) -> Iterator[tuple[Any, ...]]:
        """Return rows of numbers and a last blob; SQLite itself would take any type.

        where: what a row is called, with {} for its first value.
        """
        try:
            for row in self._connection.execute(sql):
                *numbers, blob = row
                if {type(it) for it in numbers} != {int} or type(blob) is not bytes:
                    raise CorruptError(where.format(row[0]), "a value's type is wrong")
                yield row
        except sqlite3.DatabaseError as error:
            raise CorruptError(str(self._path), str(error)) from error
