"""The newest head of each log, in SQLite: the witness's commit point.

A head is compared and swapped in a transaction with full sync, together with the
cosignature that is waiting to leave: so no crash takes back what somebody holds.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Protocol

from sqlite_utils import Database, Migrations

from tlog.errors import BusyError, CorruptError, FatalError
from tlog.witness.roster import KnownLog
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.errors import FormatError
from tlogverify.hashing import Hash
from tlogverify.keys import parse_verifier_key
from tlogverify.note import parse_note

_MIGRATIONS: Final = Migrations("witness")
_RESERVE_BYTES: Final = 32 << 20

FORGOTTEN: Final = (
    "this witness has forgotten what it signed; its keys must not sign again"
)


@_MIGRATIONS()
def _m001_heads_and_logs(database: Database) -> None:
    database.table("heads").create(
        {"origin": str, "size": int, "root": bytes, "note": bytes},
        pk="origin",
        not_null={"size", "root", "note"},
    )
    # What a list has named once stays known, whatever the list says later.
    database.table("logs").create(
        {"origin": str, "vkey": str, "qpd": int},
        pk="origin",
        not_null={"vkey", "qpd"},
    )


class KnownHead(NamedTuple):
    """The newest head that was cosigned; note: the log's lines and the witness's."""

    size: int
    root: Hash
    note: bytes


class Move(NamedTuple):
    """One origin's step from one head to the next; old: None at the first."""

    origin: str
    old: KnownHead | None
    new: KnownHead


class Connection(Protocol):
    """What a commit needs of `sqlite3.Connection`; tests break it."""

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> object:
        """Run one statement."""
        ...


class WitnessState:
    """An open state; one transaction at a time, from any thread."""

    def __init__(self, path: Path, *, is_known: bool = False) -> None:
        """Open or make it; CorruptError if it is no witness's state.

        is_known: it was made before; an empty file is not it.
        """
        self._path = path
        self._turn = Lock()
        self._failure: FatalError | None = None
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            database = Database(self._connection)
            if is_known and not database.table("heads").exists():
                raise CorruptError(str(path), f"is empty: {FORGOTTEN}")
            _MIGRATIONS.apply(database)
        except sqlite3.DatabaseError as error:
            raise CorruptError(str(path), str(error)) from error
        self.hot: Connection = self._connection

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()

    @property
    def has_room(self) -> bool:
        """Whether the disk has room for another commit."""
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize >= _RESERVE_BYTES

    def heads(self) -> dict[str, KnownHead]:
        """Return the newest head of each origin.

        Raises CorruptError if a row is not what its own note says.
        """
        heads: dict[str, KnownHead] = {}
        try:
            rows = self._connection.execute(
                "SELECT origin, size, root, note FROM heads"
            )
            for origin, size, root, note in rows:
                where = f"the witness's head of {origin!r}"
                if type(note) is not bytes:
                    raise CorruptError(where, "a value's type is wrong")
                try:
                    said = parse_checkpoint(parse_note(note).text)
                except FormatError as error:
                    raise CorruptError(where, str(error)) from error
                if (said.origin, said.size, said.root) != (origin, size, root):
                    raise CorruptError(where, "is not what its note says")
                heads[origin] = KnownHead(size, said.root, note)
        except sqlite3.DatabaseError as error:
            raise CorruptError(str(self._path), str(error)) from error
        return heads

    def logs(self) -> list[KnownLog]:
        """Return the logs that a list has named."""
        logs: list[KnownLog] = []
        try:
            rows = self._connection.execute("SELECT origin, vkey, qpd FROM logs")
            for origin, vkey, qpd in rows:
                key = parse_verifier_key(str(vkey).encode())
                logs.append(KnownLog(str(origin), (key,), int(qpd)))
        except (sqlite3.DatabaseError, FormatError, ValueError) as error:
            raise CorruptError(f"{self._path}: logs", str(error)) from error
        return logs

    def add_logs(self, logs: Sequence[KnownLog]) -> None:
        """Remember logs that a list has named; raises as `commit`."""
        sql = "INSERT OR IGNORE INTO logs VALUES (?, ?, ?)"
        with self._transaction():
            for log in logs:
                self.hot.execute(sql, (log.origin, log.keys[0].encode(), log.qpd))

    def commit(self, moves: Sequence[Move]) -> None:
        """Move one or more origins on, all of them durably or none.

        Raises BusyError if nothing was stored (a full disk), FatalError if a head is
        not the `old` of its move, or the outcome is unknown.
        """
        first = (
            "INSERT INTO heads SELECT ?1, ?2, ?3, ?4 "
            "WHERE NOT EXISTS (SELECT 1 FROM heads WHERE origin = ?1)"
        )
        later = (
            "UPDATE heads SET size = ?2, root = ?3, note = ?4 "
            "WHERE origin = ?1 AND size = ?5 AND root = ?6"
        )
        with self._transaction():
            for origin, old, new in moves:
                if old is None:
                    self.hot.execute(first, (origin, *new))
                else:
                    self.hot.execute(later, (origin, *new, old.size, old.root))
                self._require_change(origin)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Make what is done within durable as a whole.

        After a commit whose outcome is unknown there is no other one.
        """
        if self._failure is not None:
            raise self._failure
        if not self.has_room:
            # SQLite finds a full disk at COMMIT, when the outcome is unknown.
            raise BusyError("the disk is nearly full", retry_after_s=30)
        with self._turn:
            try:
                self.hot.execute("BEGIN IMMEDIATE")
                yield
            except sqlite3.Error as error:
                self._roll_back()
                raise BusyError(f"the state takes nothing: {error}") from error
            except FatalError:
                self._roll_back()
                raise
            try:
                self.hot.execute("COMMIT")
            except sqlite3.Error as error:
                # The heads may have moved or not; only a restart, which reads them, can
                # tell.
                self._failure = FatalError(f"the state's commit is unknown: {error}")
                raise self._failure from error

    def _require_change(self, origin: str) -> None:
        if self._connection.execute("SELECT changes()").fetchone() != (1,):
            raise FatalError(f"the stored head of {origin!r} is not the known one")

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise FatalError(f"the state cannot roll back: {error}") from error
