"""SQLite as a commit point: a transaction is durable, or did not happen, or is fatal.

Write-ahead log with full sync.  SQLite finds a full disk at COMMIT, when the outcome is
unknown: so room is asked for first.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlite_utils import Database, Migrations

from tlog.durable.disk import free_bytes
from tlog.errors import (
    MISSING,
    BusyError,
    CorruptError,
    FatalError,
    database_error,
)
from tlog.folders import make_private_file

# For the write-ahead log's own growth, and what is written behind a commit.
RESERVE_BYTES: Final = 32 << 20


class Connection(Protocol):
    """What a transaction needs of `sqlite3.Connection`; tests break it."""

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> object:
        """Run one statement."""
        ...


class CommitPoint:
    """One open SQLite file; name: what it is called in errors.

    connection: for reading, and as the `writing` of `transaction`.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Open or make the file, with mode 0600.

        Raises CorruptError if it is no database, MachineError or OSError if it cannot
        be opened.
        """
        self._path = path
        self._name = name
        self._failure: FatalError | None = None
        # SQLite would let the umask decide; what lies beside it gets the same mode.
        try:
            make_private_file(path)
        except MISSING as error:
            why = f"unable to open: {error.strerror}"
            raise CorruptError(str(path), why) from error
        try:
            self.connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
        except sqlite3.DatabaseError as error:
            raise database_error(str(path), error) from error
        self.run("PRAGMA journal_mode = WAL")
        self.run("PRAGMA synchronous = FULL")

    @property
    def tables(self) -> list[str]:
        """The names of the tables that are there."""
        return Database(self.connection).table_names()

    def run(self, sql: str) -> None:
        """Run a statement outside a transaction.

        Raises CorruptError or MachineError, and is closed then.
        """
        try:
            self.connection.execute(sql)
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise database_error(str(self._path), error) from error

    def migrate(self, migrations: Migrations) -> None:
        """Bring the schema up to date; raises as `run`."""
        try:
            migrations.apply(Database(self.connection))
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise database_error(str(self._path), error) from error

    def has_room(self, needed_bytes: int = 0) -> bool:
        """Whether the disk has room for so much, and the reserve."""
        return free_bytes(self._path.parent) >= RESERVE_BYTES + needed_bytes

    @contextmanager
    def transaction(self, writing: Connection, needed_bytes: int = 0) -> Iterator[None]:
        """Make what is done within durable as a whole; writing: runs its statements.

        Raises BusyError if nothing was stored (a full disk), FatalError if the outcome
        is unknown: then there is no other transaction.  A FatalError from within is
        passed on, with nothing stored.
        """
        if self._failure is not None:
            raise self._failure
        if not self.has_room(needed_bytes):
            raise BusyError("the disk is nearly full", retry_after_s=30)
        try:
            writing.execute("BEGIN IMMEDIATE")
            yield
        except sqlite3.Error as error:
            self._roll_back()
            raise BusyError(f"{self._name} takes nothing: {error}") from error
        except FatalError:
            self._roll_back()
            raise
        try:
            writing.execute("COMMIT")
        except sqlite3.Error as error:
            # It may be stored or not; only a restart, which reads it, can tell.
            self._failure = FatalError(f"{self._name}'s commit is unknown: {error}")
            raise self._failure from error

    def changed_one(self) -> bool:
        """Whether the last statement has changed one row."""
        found: tuple[int] = self.connection.execute("SELECT changes()").fetchone()
        return found == (1,)

    def _roll_back(self) -> None:
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise FatalError(f"{self._name} cannot roll back: {error}") from error
