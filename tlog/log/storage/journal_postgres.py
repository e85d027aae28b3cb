"""The journal in a database that nodes share: a commit is one statement.

No transaction is open between two statements, so that a process that was stopped holds
no lock.  The head is swapped only in the term of this writer.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from tlog.clock import Clock, SystemClock
from tlog.errors import BusyError, CorruptError, FatalError, MachineError
from tlog.log.storage.journal import SignedHead, StoredBatch
from tlog.log.storage.postgres import Database
from tlog.log_lines import log_event

_REFUSED_S: Final = 5

_SWAP: Final = """
WITH moved AS (
    UPDATE tlog_heads
    SET size = %(size)s::bigint, note = %(note)b::bytea, beat = beat + 1
    WHERE origin = %(origin)s AND term = %(term)s::bigint
        AND size IS NOT DISTINCT FROM %(old_size)s::bigint
        AND note IS NOT DISTINCT FROM %(old_note)b::bytea
    RETURNING 1
), dropped AS (
    DELETE FROM tlog_batches
    WHERE origin = %(origin)s AND "end" <= %(trim_to)s::bigint
        AND EXISTS (SELECT 1 FROM moved)
)"""
_ADDED: Final = """, added AS (
    INSERT INTO tlog_batches (origin, start, "end", entries)
    SELECT %(origin)s, %(start)s::bigint, %(end)s::bigint, %(entries)b::bytea FROM moved
)"""
_ANSWER: Final = " SELECT (SELECT count(*) FROM moved)"
_TRIM: Final = """
WITH dropped AS (
    DELETE FROM tlog_batches
    WHERE origin = %(origin)s AND "end" <= %(trim_to)s::bigint AND EXISTS (
        SELECT 1 FROM tlog_heads WHERE origin = %(origin)s AND term = %(term)s::bigint
    )
    RETURNING 1
) SELECT (SELECT count(*) FROM dropped)"""


class PostgresJournal:
    """One log's journal; used by one thread at a time.

    term: returns the term in which this process writes; called for each change.
    """

    def __init__(
        self, database: Database, origin: str, term: Callable[[], int]
    ) -> None:
        self._database = database
        self._origin = origin
        self._term = term
        self._failure: FatalError | None = None
        self._clock: Clock = SystemClock()
        self._refused_s: float | None = None

    @property
    def has_room(self) -> bool:
        """Whether the database has refused no commit within the last seconds."""
        refused_s = self._refused_s
        return refused_s is None or (self._clock.monotonic_s() - refused_s > _REFUSED_S)

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        self._database.close()

    def head(self) -> SignedHead | None:
        """Return the newest signed head, or None in a new log."""
        sql = "SELECT size, note FROM tlog_heads WHERE origin = %(origin)s"
        rows = self._database.read(sql, {"origin": self._origin})
        if not rows or rows[0] == (None, None):
            return None
        _require_types("the database's head", rows[0])
        return SignedHead(*rows[0])

    def batches(self, since: int = 0) -> Iterator[StoredBatch]:
        """Return the batches that end above `since` and are not trimmed, in order."""
        sql = (
            'SELECT start, "end", entries FROM tlog_batches'
            ' WHERE origin = %(origin)s AND "end" > %(since)s::bigint ORDER BY start'
        )
        values = {"origin": self._origin, "since": since}
        for row in self._database.read(sql, values):
            _require_types(f"the database's batch at {row[0]}", row)
            yield StoredBatch(*row)

    def commit(
        self,
        old: SignedHead | None,
        new: SignedHead,
        batch: StoredBatch | None,
        trim_to: int,
    ) -> None:
        """Store a batch and move the head, in one statement; as the seam says.

        FatalError also says that another node writes this log now.
        """
        if self._failure is not None:
            raise self._failure
        values: dict[str, object] = {
            "origin": self._origin,
            "term": self._term(),
            "size": new.size,
            "note": new.note,
            "old_size": None if old is None else old.size,
            "old_note": None if old is None else old.note,
            "trim_to": trim_to,
        }
        added = ""
        if batch is not None:
            added = _ADDED
            values |= batch._asdict()
        try:
            moved, *_ = self._database.change(_SWAP + added + _ANSWER, values)
        except FatalError as error:
            self._failure = error
            raise
        except BusyError:
            self._refused_s = self._clock.monotonic_s()
            raise
        self._refused_s = None
        if moved != 1:
            raise FatalError(
                "the stored head is not the one that this process signed: another "
                "node writes this log"
            )

    def trim(self, trim_to: int) -> None:
        """Drop the batches that end at or below `trim_to`, if that can be done now."""
        values = {"origin": self._origin, "trim_to": trim_to, "term": self._term()}
        try:
            self._database.change(_TRIM, values)
        except (BusyError, MachineError, FatalError) as error:
            # Nothing is lost: the next commit drops them too.
            log_event("the journal was not trimmed", level="warning", error=str(error))


def _require_types(where: str, row: tuple[Any, ...]) -> None:
    *numbers, blob = row
    if {type(it) for it in numbers} != {int} or type(blob) is not bytes:
        raise CorruptError(where, "a value's type is wrong")
