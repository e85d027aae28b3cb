"""Whether a log that nodes share has moved, beside its head in the database."""

import errno
from collections.abc import Callable
from typing import Final

from tlog.errors import BusyError, FatalError
from tlog.log.storage.postgres import Database

_READ: Final = "SELECT moved FROM tlog_heads WHERE origin = %(origin)s"
_WRITE: Final = """
WITH marked AS (
    UPDATE tlog_heads SET moved = %(moved)s
    WHERE origin = %(origin)s AND term = %(term)s::bigint RETURNING 1
) SELECT (SELECT count(*) FROM marked)"""


class RowMoved:
    """The mark in the log's row; term: returns the term of this writer.

    database: a connection of its own, which is there only while it is asked.
    """

    def __init__(
        self, database: Database, origin: str, term: Callable[[], int]
    ) -> None:
        self._database = database
        self._origin = origin
        self._term = term

    @property
    def is_set(self) -> bool:
        """Whether the row says so; MachineError if the database cannot be asked."""
        try:
            rows = self._database.read(_READ, {"origin": self._origin})
        finally:
            self._database.close()
        return rows == [(True,)]

    def put(self, *, is_set: bool) -> None:
        """Mark the row, in the term of this writer alone."""
        values = {"origin": self._origin, "term": self._term(), "moved": is_set}
        try:
            marked, *_ = self._database.change(_WRITE, values)
        except (BusyError, FatalError) as error:
            raise OSError(errno.EIO, str(error)) from error
        finally:
            self._database.close()
        if marked != 1:
            raise OSError(errno.EIO, "another node writes this log")
