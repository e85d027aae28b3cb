"""A text about a log that nodes share, in the log's row, beside its head.

Every node that comes to write reads it: a witness that is silent then has still spoken,
and a key that has retired by then signs nothing more.  Each change moves the `beat`, so
that whoever is about to raise the term of what it has read has to read it again.
"""

import errno
from collections.abc import Callable
from typing import Final, Literal

from tlog.errors import BusyError, FatalError
from tlog.log.storage.postgres import Database

_READ: Final = "SELECT {column} FROM tlog_heads WHERE origin = %(origin)s"
_WRITE: Final = """
WITH kept AS (
    UPDATE tlog_heads SET {column} = %(content)b::bytea, beat = beat + 1
    WHERE origin = %(origin)s AND term = %(term)s::bigint RETURNING 1
) SELECT (SELECT count(*) FROM kept)"""


class RowText:
    """The text in one column of the log's row; term: returns the term of this writer.

    database: a connection of its own, which is there only while it is asked.
    """

    def __init__(
        self,
        database: Database,
        origin: str,
        term: Callable[[], int],
        column: Literal["contradictions", "eras"],
    ) -> None:
        self._database = database
        self._origin = origin
        self._term = term
        self._column = column

    @property
    def where(self) -> str:
        """Return which row it is."""
        return f"tlog_heads.{self._column} of {self._origin}"

    def read(self) -> bytes | None:
        """Return what is kept; MachineError if the database cannot be asked."""
        sql = _READ.format(column=self._column)
        try:
            rows = self._database.read(sql, {"origin": self._origin})
        finally:
            self._database.close()
        return None if not rows or rows[0][0] is None else bytes(rows[0][0])

    def write(self, content: bytes) -> None:
        """Replace it, in the term of this writer alone."""
        values = {"origin": self._origin, "term": self._term(), "content": content}
        sql = _WRITE.format(column=self._column)
        try:
            kept, *_ = self._database.change(sql, values)
        except (BusyError, FatalError) as error:
            raise OSError(errno.EIO, str(error)) from error
        finally:
            self._database.close()
        if kept != 1:
            raise OSError(errno.EIO, "another node writes this log")
