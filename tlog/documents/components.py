"""Which stored SBOM holds which package: an index that is made from the documents.

    documents    SBOMs that entries name, and whether each has been read
    naming       the entries that name them as SBOMs
    artifacts    the digests of what a document says that it is of
    components   the packages of each, in normal form

Nothing here is a source: `tlog documents index` makes all of it anew.  A document is
noted before it is stored, and read afterwards; one that was noted and not read is
counted, so that a search never passes it over in silence.

All of it blocks, and belongs on threads.  Other processes may have the file open too.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, NamedTuple

from sqlite_utils import Database, Migrations

from tlog.documents.facts import Facts
from tlog.errors import database_error
from tlog.folders import make_private_file
from tlogclient.purls import Purl
from tlogclient.sboms import Sbom, is_sbom_type

_MIGRATIONS: Final = Migrations("components")
_NOTED: Final = 0
_READ: Final = 1
_PASSED_OVER: Final = 2
_WAIT_S: Final = 30.0


@_MIGRATIONS()
def _m001_all(database: Database) -> None:
    for sql in (
        "CREATE TABLE documents "
        "(id INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, state INTEGER NOT NULL)",
        "CREATE INDEX by_state ON documents (state) WHERE state <> 1",
        "CREATE TABLE naming "
        "(entry_index INTEGER PRIMARY KEY, document INTEGER NOT NULL)",
        "CREATE INDEX naming_by_document ON naming (document)",
        "CREATE TABLE artifacts (document INTEGER, digest BLOB, "
        "PRIMARY KEY (document, digest)) WITHOUT ROWID",
        "CREATE TABLE components (package TEXT, version TEXT, document INTEGER, "
        "PRIMARY KEY (package, version, document)) WITHOUT ROWID",
        "CREATE INDEX components_by_document ON components (document)",
        # One row, once every document that was stored before this file is noted.
        "CREATE TABLE listed (id INTEGER PRIMARY KEY)",
    ):
        database.conn.execute(sql)


class Holding(NamedTuple):
    """A document that holds what was asked for, and an entry that names it.

    artifacts: the digests of what the document says that it is of; empty if it does not
    say.
    """

    entry: int
    document: bytes
    artifacts: frozenset[bytes]


class ComponentIndex:
    """The index of one store; opened when it is first used.

    All methods raise CorruptError or MachineError if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @property
    def is_listed(self) -> bool:
        """Whether all SBOMs of the store are noted."""
        with self._using() as database:
            return database.execute("SELECT id FROM listed").fetchone() is not None

    def note_listed(self) -> None:
        """Say that all SBOMs of the store are noted."""
        with self._changing() as database:
            database.execute("INSERT OR IGNORE INTO listed VALUES (1)")

    def note(self, digest: bytes, entries: Sequence[int]) -> None:
        """Note a document that these entries name as an SBOM."""
        self.note_all({digest: entries})

    def note_all(self, named: Mapping[bytes, Sequence[int]]) -> None:
        """Note documents, each with the entries that name it as an SBOM."""
        with self._changing() as database:
            for digest, entries in named.items():
                database.execute(
                    "INSERT OR IGNORE INTO documents (digest, state) VALUES (?, ?)",
                    (digest, _NOTED),
                )
                row = _id_of(database, digest)
                database.executemany(
                    "INSERT OR REPLACE INTO naming VALUES (?, ?)",
                    [(entry, row) for entry in entries],
                )

    def unread(self) -> int:
        """Return how many SBOMs have not been read, or cannot be."""
        with self._using() as database:
            sql = "SELECT count(*) FROM documents WHERE state <> ?"
            (count,) = database.execute(sql, (_READ,)).fetchone()
            return int(count)

    def noted(self, after: int, most: int) -> list[tuple[int, bytes]]:
        """Return SBOMs that nobody has tried to read so far, by a number of each.

        after: the last number of the call before; 0 for the first.
        """
        with self._using() as database:
            sql = (
                "SELECT id, digest FROM documents WHERE state = ? AND id > ? "
                "ORDER BY id LIMIT ?"
            )
            return database.execute(sql, (_NOTED, after, most)).fetchall()

    def put(self, digest: bytes, sbom: Sbom) -> None:
        """Keep what a noted document holds; one that was forgotten stays so."""
        with self._changing() as database:
            row = _id_of(database, digest)
            if row is None:
                return
            database.executemany(
                "INSERT OR IGNORE INTO artifacts VALUES (?, ?)",
                [(row, it) for it in sbom.artifacts],
            )
            database.executemany(
                "INSERT OR IGNORE INTO components VALUES (?, ?, ?)",
                [(it.package, it.version, row) for it in sbom.packages],
            )
            sql = "UPDATE documents SET state = ? WHERE id = ?"
            database.execute(sql, (_READ, row))

    def pass_over(self, digest: bytes) -> None:
        """Say that a document cannot be read as an SBOM, or is too long for that."""
        with self._changing() as database:
            sql = "UPDATE documents SET state = ? WHERE digest = ?"
            database.execute(sql, (_PASSED_OVER, digest))

    def forget(self, digest: bytes) -> None:
        """Remove what is known of a document; its rows are overwritten in the file."""
        if self._connection is None and not self._path.exists():
            return
        with self._using() as database:
            row = _id_of(database, digest)
        if row is None:
            return
        with self._changing() as database:
            for table in ("components", "artifacts", "naming"):
                database.execute(f"DELETE FROM {table} WHERE document = ?", (row,))  # noqa: S608 - one of three names
            database.execute("DELETE FROM documents WHERE id = ?", (row,))
        with self._using() as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def clear(self) -> None:
        """Forget everything."""
        with self._changing() as database:
            for table in ("components", "artifacts", "naming", "documents", "listed"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - one of five names

    def discard(self) -> None:
        """Remove the file, which no other process may use; the next call makes one."""
        self.close()
        for name in ("", "-wal", "-shm"):
            file = self._path.with_name(f"{self._path.name}{name}")
            file.unlink(missing_ok=True)

    def find(self, question: Purl, start: int, limit: int) -> list[Holding]:
        """Return up to `limit` holdings by entry, ascending, from `start` on."""
        sql = (
            "SELECT DISTINCT naming.entry_index, documents.id, documents.digest "
            "FROM components JOIN naming USING (document) "
            "JOIN documents ON documents.id = document "
            "WHERE package = ? AND (? = '' OR version = ?) AND entry_index >= ? "
            "ORDER BY entry_index LIMIT ?"
        )
        version = question.version
        values = (question.package, version, version, start, limit)
        of = "SELECT digest FROM artifacts WHERE document = ?"
        with self._using() as database:
            rows = database.execute(sql, values).fetchall()
            return [
                Holding(
                    entry,
                    digest,
                    frozenset(it[0] for it in database.execute(of, (row,))),
                )
                for entry, row, digest in rows
            ]

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except sqlite3.Error as error:
                raise database_error(str(self._path), error) from error

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._using() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        make_private_file(self._path)
        connection = sqlite3.connect(
            self._path, _WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # What goes must go from this file too.
            connection.execute("PRAGMA secure_delete = ON")
            _MIGRATIONS.apply(Database(connection))
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def sbom_entries(facts: Facts) -> tuple[int, ...]:
    """Return the entries that name a document as an SBOM, of those that are known."""
    return tuple(entry for entry, it in facts.named if is_sbom_type(it))


def _id_of(database: sqlite3.Connection, digest: bytes) -> int | None:
    sql = "SELECT id FROM documents WHERE digest = ?"
    found = database.execute(sql, (digest,)).fetchone()
    return None if found is None else int(found[0])
