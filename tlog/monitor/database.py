"""The one SQLite file of a monitor's state: its tables and its transactions.

Whatever belongs together moves in one transaction, whichever part of the state keeps
it: the step to a verified head, for example, also raises the alarms of its hits.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database, Migrations

from tlog.errors import CorruptError, FatalError, database_error
from tlog.folders import make_private_file
from tlog.monitor.parties import LOG, Party, party_of_old_name

_MIGRATIONS: Final = Migrations("monitor")


@_MIGRATIONS()
def _m001_all(database: Database) -> None:
    # The cursor has one row.  Its `bundles` are the full ones that count, and its
    # `edge` is the incomplete bundle at the verified size.
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


@_MIGRATIONS()
def _m002_words(database: Database) -> None:
    # An entry's position is its index, and a head that waits for the log to grow is no
    # sighting: each word has one meaning in the whole project.  (`index` alone is a
    # word of SQL.)
    for change in (
        "hits RENAME COLUMN place TO entry_index",
        "hits RENAME COLUMN told TO raised",
        "alarms RENAME COLUMN place TO entry_index",
        "sightings RENAME TO waiting_heads",
    ):
        database.conn.execute(f"ALTER TABLE {change}")


@_MIGRATIONS()
def _m003_parties(database: Database) -> None:
    # Before this step a source was a name, and a witness named `log` was the log.  The
    # next start finds out by the policy whose name it was.
    connection = database.conn
    conditions = connection.execute("SELECT key FROM conditions").fetchall()
    heads = connection.execute("SELECT * FROM waiting_heads").fetchall()
    connection.execute("DROP TABLE conditions")
    connection.execute("DROP TABLE waiting_heads")
    connection.execute(
        "CREATE TABLE conditions (party TEXT, told TEXT, vkey TEXT, kind TEXT, "
        "is_unproven INTEGER, PRIMARY KEY (party, kind, is_unproven))"
    )
    connection.execute(
        "CREATE TABLE waiting_heads (party TEXT, told TEXT, vkey TEXT, size INTEGER, "
        "root BLOB, note BLOB, PRIMARY KEY (party, size, root))"
    )
    for (key,) in conditions:
        kind, source, *unproven = key.split(" ")
        connection.execute(
            "INSERT INTO conditions VALUES (?, ?, ?, ?, ?)",
            (*_old_party(source), kind, len(unproven)),
        )
    for source, *head in heads:
        connection.execute(
            "INSERT INTO waiting_heads VALUES (?, ?, ?, ?, ?, ?)",
            (*_old_party(source), *head),
        )


@_MIGRATIONS()
def _m004_met_at(database: Database) -> None:
    # At most one row: the URL or folder at which the log was met last.
    database.table("met_at").create({"place": str})


@_MIGRATIONS()
def _m005_compared_tiles(database: Database) -> None:
    # At most one row says where the next sample of hash tiles begins.
    database.table("next_tile").create({"level": int, "tile_index": int})
    database.table("damaged_tiles").create(
        {"level": int, "tile_index": int}, pk=("level", "tile_index")
    )


@_MIGRATIONS()
def _m006_awaited(database: Database) -> None:
    # SBOMs that entries name and the log has not given so far.
    database.table("awaited").create(
        {
            "entry_index": int,
            "sha256": bytes,
            "since_s": int,
            "tried_s": int,
            "told": int,
        },
        pk="entry_index",
    )


def _old_party(source: str) -> Party:
    return LOG if source == LOG.told else Party(party_of_old_name(source), source)


def read_only(path: Path) -> sqlite3.Connection:
    """Open the file beside the process that holds the state, and change nothing.

    Raises CorruptError or MachineError if it cannot be opened.
    """
    try:
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.DatabaseError as error:
        raise database_error(str(path), error) from error


class StateDatabase:
    """The open file.  Any thread may call; a lock lets in one at a time.

    Raises FatalError where the outcome of a write is unknown.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, made if it is new, and bring older tables up to date.

        Raises CorruptError if it is no sound database, MachineError or OSError if it
        cannot be opened.
        """
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

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock and one transaction; an error inside takes all of it back."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException as error:
                # Where no transaction is under way the rollback fails, and the first
                # error says more than that.
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise FatalError(f"the store takes nothing: {error}") from error
                raise

    def execute(self, sql: str, *values: object) -> None:
        """Run one statement of a transaction that the caller holds."""
        self._connection.execute(sql, values)

    def each(self, sql: str, *values: object) -> Iterator[Any]:
        """Return rows one by one, in a transaction that the caller holds."""
        yield from self._connection.execute(sql, values)

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Return all rows; CorruptError or MachineError if they cannot be read."""
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise database_error("the store", error) from error
