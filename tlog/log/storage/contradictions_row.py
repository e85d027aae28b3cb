"""What witnesses have said against a log that nodes share, beside its head.

Every node that comes to write reads it: a witness that is silent then has still spoken.
"""

import errno
from collections.abc import Callable
from typing import Final

from tlog.errors import BusyError, FatalError
from tlog.log.storage.postgres import Database

_READ: Final = "SELECT contradictions FROM tlog_heads WHERE origin = %(origin)s"
_WRITE: Final = """
WITH kept AS (
    UPDATE tlog_heads SET contradictions = %(content)b::bytea
    WHERE origin = %(origin)s AND term = %(term)s::bigint RETURNING 1
) SELECT (SELECT count(*) FROM kept)"""


class RowContradictions:
    """The text in the log's row; term: returns the term of this writer.

    database: a connection of its own, which is there only while it is asked.
    """

    def __init__(
        self, database: Database, origin: str, term: Callable[[], int]
    ) -> None:
        self._database = database
        self._origin = origin
        self._term = term

    @property
    def where(self) -> str:
        """Return which row it is."""
        return f"tlog_heads.contradictions of {self._origin}"

    def read(self) -> bytes | None:
        """Return what is kept; MachineError if the database cannot be asked."""
        try:
            rows = self._database.read(_READ, {"origin": self._origin})
        finally:
            self._database.close()
        return None if not rows or rows[0][0] is None else bytes(rows[0][0])

    def write(self, content: bytes) -> None:
        """Replace it, in the term of this writer alone."""
        values = {"origin": self._origin, "term": self._term(), "content": content}
        try:
            kept, *_ = self._database.change(_WRITE, values)
        except (BusyError, FatalError) as error:
            raise OSError(errno.EIO, str(error)) from error
        finally:
            self._database.close()
        if kept != 1:
            raise OSError(errno.EIO, "another node writes this log")
