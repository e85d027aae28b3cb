"""The newest head of each log, in SQLite: the witness's commit point.

A head is compared and swapped in a transaction with full sync, together with the
cosignature that is waiting to leave: so no crash takes back what somebody holds.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from sqlite_utils import Database, Migrations

from tlog.durable.database import CommitPoint, Connection
from tlog.errors import CorruptError, FatalError, database_error
from tlog.witness.roster import KnownLog
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.errors import FormatError
from tlogverify.hashing import Hash
from tlogverify.keys import parse_verifier_key
from tlogverify.note import parse_note

_MIGRATIONS: Final = Migrations("witness")
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
    # A log that a list has named once stays known, even if the list drops it later.
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


class WitnessState:
    """An open state; one transaction at a time, from any thread."""

    def __init__(self, path: Path, *, is_known: bool = False) -> None:
        """Open or make it; CorruptError if it is no witness's state.

        is_known: it was made before; an empty file is not it.
        """
        self._path = path
        self._turn = Lock()
        self._file = CommitPoint(path, "the state")
        if is_known and "heads" not in self._file.tables:
            self._file.connection.close()
            raise CorruptError(str(path), f"is empty: {FORGOTTEN}")
        self._file.migrate(_MIGRATIONS)
        self._connection = self._file.connection
        self.writing: Connection = self._connection

    def close(self) -> None:
        """Close the file; the commits stay."""
        self._connection.close()

    @property
    def has_room(self) -> bool:
        """Whether the disk has room for another commit."""
        return self._file.has_room()

    def heads(self) -> dict[str, KnownHead]:
        """Return the newest head of each origin.

        Raises CorruptError if a row says something else than its own note.
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
            raise database_error(str(self._path), error) from error
        return heads

    def logs(self) -> list[KnownLog]:
        """Return the logs that a list has named."""
        logs: list[KnownLog] = []
        try:
            rows = self._connection.execute("SELECT origin, vkey, qpd FROM logs")
            for origin, vkey, qpd in rows:
                key = parse_verifier_key(str(vkey).encode())
                logs.append(KnownLog(str(origin), (key,), int(qpd)))
        except sqlite3.DatabaseError as error:
            raise database_error(f"{self._path}: logs", error) from error
        except (FormatError, ValueError) as error:
            raise CorruptError(f"{self._path}: logs", str(error)) from error
        return logs

    def add_logs(self, logs: Sequence[KnownLog]) -> None:
        """Remember logs that a list has named; raises as `commit`."""
        sql = "INSERT OR IGNORE INTO logs VALUES (?, ?, ?)"
        with self._turn, self._file.transaction(self.writing):
            for log in logs:
                self.writing.execute(sql, (log.origin, log.keys[0].encode(), log.qpd))

    def commit(self, moves: Sequence[Move]) -> None:
        """Move one or more origins on, all of them durably or not one.

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
        with self._turn, self._file.transaction(self.writing):
            for origin, old, new in moves:
                if old is None:
                    self.writing.execute(first, (origin, *new))
                else:
                    self.writing.execute(later, (origin, *new, old.size, old.root))
                self._require_change(origin)

    def _require_change(self, origin: str) -> None:
        if not self._file.changed_one():
            raise FatalError(f"the stored head of {origin!r} is not the known one")
