"""A database that nodes share: its connection, its tables, and what may be trusted.

    tlog_heads    one row a log: who writes it, and its signed head
    tlog_batches  one row a batch that is not published yet, as an entry bundle

`term` counts those who have written a log, one after the other: every statement that
changes something names the term of its writer, so that whoever was replaced changes
nothing.  `beat` grows while the writer lives.  `address` and `secret` are how other
nodes reach it.  `moved` says that the log lies elsewhere now, or is on its way here.
`eras` says which keys it has had, once one has changed.

PostgreSQL answers a commit that its standby has not confirmed as a success, with a
warning.  So a warning about a change is an unknown outcome.

Source: PostgreSQL, "Synchronous Replication"; `docs/decisions/0031-*`.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import Diagnostic

from tlog.errors import BusyError, FatalError, MachineError, RejectedError

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS tlog_heads (
    origin text PRIMARY KEY,
    term bigint NOT NULL,
    beat bigint NOT NULL,
    is_held boolean NOT NULL,
    size bigint,
    note bytea,
    contradictions bytea,
    address text,
    secret bytea,
    moved boolean NOT NULL DEFAULT false,
    eras bytea
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_scale_factor = 0);
ALTER TABLE tlog_heads ADD COLUMN IF NOT EXISTS address text;
ALTER TABLE tlog_heads ADD COLUMN IF NOT EXISTS secret bytea;
ALTER TABLE tlog_heads ADD COLUMN IF NOT EXISTS moved boolean NOT NULL DEFAULT false;
ALTER TABLE tlog_heads ADD COLUMN IF NOT EXISTS eras bytea;
CREATE TABLE IF NOT EXISTS tlog_batches (
    origin text NOT NULL,
    start bigint NOT NULL,
    "end" bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (origin, start)
) WITH (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE tlog_batches ALTER COLUMN entries SET STORAGE EXTERNAL
"""
# Where it is, tables of every earlier version have been brought up to it.
_NEWEST_COLUMN: Final = """
SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('tlog_heads')
    AND attname = 'eras' AND to_regclass('tlog_batches') IS NOT NULL"""
_TABLES_LOCK: Final = 0x746C6F67

# What the server says when a statement was rolled back and another may succeed: no
# room, a conflict, a lock or a time-out.  After every other error nobody knows.
_ROLLED_BACK: Final = ("53", "40001", "40P01", "55P03", "57014")

# A peer that is gone without a word is noticed: seconds, and milliseconds.
_NETWORK: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}

# With each change, in its own transaction: neither a role's settings nor the other
# clients of a pooler can take it away.
_DURABLE: Final = (
    ", set_config('synchronous_commit', 'on', true), "
    "set_config('client_min_messages', 'warning', true)"
)


class Database:
    """One connection to a database that nodes share, made anew when it is lost.

    url: may hold a password, which no error shows.
    """

    def __init__(self, url: str) -> None:
        """Remember where it is; nothing is connected yet."""
        self._url = url
        self._warnings: list[str] = []
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self, sql: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Return the rows of a query; MachineError if the database cannot be asked.

        A connection that was lost since it was used last is no reason.
        """
        is_kept = self._connection is not None
        try:
            return self._connected().execute(sql, values).fetchall()
        except psycopg.Error as error:
            is_lost = self._connection is not None and self._connection.broken
            if is_lost:
                self.close()
            if not (is_lost and is_kept):
                raise MachineError(
                    f"the database cannot be used: {_said(error)}"
                ) from error
        return self.read(sql, values)

    def change(self, sql: str, values: Mapping[str, object]) -> tuple[Any, ...]:
        """Run one statement that changes something, and return its one row.

        sql: ends with a SELECT of one value.  It is a transaction of its own.

        Raises BusyError if nothing was changed and a later attempt may succeed,
        FatalError if nobody knows what was changed.
        """
        try:
            connection = self._connected()
        except psycopg.Error as error:
            raise MachineError(
                f"the database cannot be used: {_said(error)}"
            ) from error
        self._warnings.clear()
        try:
            row = connection.execute(sql + _DURABLE, values).fetchone()
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith(_ROLLED_BACK):
                raise BusyError(
                    f"the database takes nothing: {_said(error)}"
                ) from error
            why = f"the database's answer is unknown: {_said(error)}"
            raise FatalError(why) from error
        if self._warnings:
            raise FatalError(f"the database warns of a commit: {self._warnings[0]}")
        if row is None:
            raise FatalError("the database has answered a change with nothing")
        return row

    def make_tables(self) -> None:
        """Make the tables that are not there; MachineError if that cannot be done."""
        if self.read(_NEWEST_COLUMN, {}):
            return
        try:
            connection = self._connected()
            with connection.transaction():
                # Two that make one table at once would disturb each other.
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TABLES_LOCK,))
                connection.execute(_TABLES)
        except psycopg.Error as error:
            why = f"the database's tables cannot be made: {_said(error)}"
            raise MachineError(why) from error

    def require_durable(self, *, by_storage: bool) -> None:
        """Raise RejectedError unless the database keeps what it has committed.

        by_storage: what lies below the database is replicated, so that its standbys
        need not be synchronous.
        """
        (row,) = self.read(
            "SELECT current_setting('fsync', true),"
            " current_setting('full_page_writes', true), pg_is_in_recovery()",
            {},
        )
        fsync, full_page_writes, is_standby = row
        for name, value in (("fsync", fsync), ("full_page_writes", full_page_writes)):
            if value == "off":
                raise RejectedError(
                    f"the database has {name} = off and loses commits: set it to on"
                )
        if is_standby:
            raise RejectedError("the database is a standby: name its primary")
        if by_storage:
            return
        rows = self.read("SELECT sync_state FROM pg_stat_replication", {})
        states = {state for (state,) in rows}
        if None in states:
            raise RejectedError(
                "the database has standbys whose state this role may not read: GRANT "
                "pg_monitor to it"
            )
        if states and not states & {"sync", "quorum"}:
            raise RejectedError(
                "no standby of the database is synchronous, so a failover would lose "
                "commits: set synchronous_standby_names, or durability = storage if "
                "what lies below the database is replicated"
            )

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            try:
                given = conninfo_to_dict(self._url)
            except psycopg.Error:
                # Not from it: it shows the text, which may hold a password.
                raise RejectedError(
                    "the database's URL cannot be read: write postgresql://HOST/NAME"
                ) from None
            options = {name: it for name, it in _NETWORK.items() if name not in given}
            options.setdefault("application_name", "tlog")
            self._connection = psycopg.connect(
                make_conninfo(self._url, **options), autocommit=True
            )
            self._connection.add_notice_handler(self._notice)
            if _is_behind_a_pooler(self._connection):
                self._connection.prepare_threshold = None
        return self._connection

    def _notice(self, diagnostic: Diagnostic) -> None:
        severity = diagnostic.severity_nonlocalized or diagnostic.severity
        if severity == "WARNING":
            self._warnings.append(diagnostic.message_primary or "without words")


def _is_behind_a_pooler(
    connection: psycopg.Connection[tuple[Any, ...]],
) -> bool:
    """Whether a statement may reach another server process than the one before it.

    What was prepared in one process is unknown in the other, or is somebody else's
    statement of that name.  A pooler tells its clients ids of its own.
    """
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row != (connection.info.backend_pid,)


def _said(error: psycopg.Error) -> str:
    """Return the first line of what a database says."""
    return (str(error).splitlines() or [type(error).__name__])[0]
