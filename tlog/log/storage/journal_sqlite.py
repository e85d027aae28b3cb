"""The journal in a file of SQLite: a commit is one transaction.

WAL with full sync, the head compared and swapped in the same transaction.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database, Migrations

from tlog.durable.database import CommitPoint, Connection
from tlog.errors import CorruptError, FatalError, database_error
from tlog.log.storage.journal import SignedHead, StoredBatch
from tlog.log_lines import log_event

_MIGRATIONS: Final = Migrations("journal")


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


class SqliteJournal:
    """An open journal; used by one thread at a time.

    writing: what each statement of a commit goes through; tests let it fail there.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the journal; CorruptError if it is not one, or MachineError."""
        self._file = CommitPoint(path, "the journal")
        self._file.run("PRAGMA wal_autocheckpoint = 4000")
        self._file.run("PRAGMA journal_size_limit = 67108864")
        self._file.migrate(_MIGRATIONS)
        self._path = path
        self._connection = self._file.connection
        self.writing: Connection = self._connection

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()

    def head(self) -> SignedHead | None:
        """Return the newest signed head, or None in a new log."""
        rows = self._rows("SELECT size, note FROM head", "the journal's head")
        return next((SignedHead(*row) for row in rows), None)

    def batches(self, since: int = 0) -> Iterator[StoredBatch]:
        """Return the batches that end above `since` and are not trimmed, in order."""
        sql = 'SELECT start, "end", entries FROM batches WHERE "end" > ? ORDER BY start'
        rows = self._rows(sql, "the journal's batch at {}", since)
        return (StoredBatch(*row) for row in rows)

    def commit(
        self,
        old: SignedHead | None,
        new: SignedHead,
        batch: StoredBatch | None,
        trim_to: int,
    ) -> None:
        """Store a batch and move the head from `old` to `new`, durably.

        trim_to: batches that end at or below it are dropped; they are in durable
        bundles.

        Raises BusyError if nothing was stored (a full disk), FatalError if the head is
        not `old` or the outcome is unknown.
        """
        needed_bytes = 2 * len(batch.entries) if batch else 0
        with self._file.transaction(self.writing, needed_bytes):
            self._swap_head(old, new)
            self.writing.execute('DELETE FROM batches WHERE "end" <= ?', (trim_to,))
            if batch is not None:
                self.writing.execute("INSERT INTO batches VALUES (?, ?, ?)", batch)

    @property
    def has_room(self) -> bool:
        """Whether the disk has room for another commit."""
        return self._file.has_room()

    def trim(self, trim_to: int) -> None:
        """Drop the batches that end at or below `trim_to`, if that can be done now."""
        try:
            self.writing.execute('DELETE FROM batches WHERE "end" <= ?', (trim_to,))
        except sqlite3.Error as error:
            # Nothing is lost: the next commit drops them too.
            log_event("the journal was not trimmed", level="warning", error=str(error))

    def _swap_head(self, old: SignedHead | None, new: SignedHead) -> None:
        if old is None:
            sql = (
                "INSERT INTO head SELECT 1, ?, ? WHERE NOT EXISTS (SELECT 1 FROM head)"
            )
            self.writing.execute(sql, new)
        else:
            sql = "UPDATE head SET size = ?, note = ? WHERE size = ? AND note = ?"
            self.writing.execute(sql, (*new, *old))
        if not self._file.changed_one():
            raise FatalError("the stored head is not the one that this process signed")

    def _rows(self, sql: str, where: str, *values: int) -> Iterator[tuple[Any, ...]]:
        """Return rows of numbers and a last blob; SQLite itself would take any type.

        where: what a row is called, with {} for its first value.
        """
        try:
            for row in self._connection.execute(sql, values):
                *numbers, blob = row
                if {type(it) for it in numbers} != {int} or type(blob) is not bytes:
                    raise CorruptError(where.format(row[0]), "a value's type is wrong")
                yield row
        except sqlite3.DatabaseError as error:
            raise database_error(str(self._path), error) from error
