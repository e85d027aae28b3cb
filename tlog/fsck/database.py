"""The journal of a log that nodes share: its rows, as they were at one moment."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict

from tlog.errors import MachineError, RejectedError
from tlog.fsck.journal import open_head
from tlogverify.keys import VerifierKey

_CONNECT_S: Final = 10
_HEAD: Final = "SELECT size, note FROM tlog_heads WHERE origin = %s AND size >= 0"
_BATCHES: Final = (
    'SELECT start, "end", entries FROM tlog_batches WHERE origin = %s ORDER BY start'
)


class DatabaseJournal:
    """The head and the batches that the database has at one moment, and no later one.

    head: opened with `keys`; raises DamageError if it does not verify, MachineError if
    the database cannot be read.
    """

    where = "the database"

    def __init__(self, url: str, origin: str, keys: Sequence[VerifierKey]) -> None:
        try:
            conninfo_to_dict(url)
        except psycopg.Error:
            # Not from it: it shows the text, which may hold a password.
            raise RejectedError(
                "the database's URL cannot be read: write postgresql://HOST/NAME"
            ) from None
        try:
            with psycopg.connect(url, connect_timeout=_CONNECT_S) as connection:
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                heads = connection.execute(_HEAD, (origin,)).fetchall()
                self._batches = connection.execute(_BATCHES, (origin,)).fetchall()
        except psycopg.Error as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise MachineError(f"the database cannot be read: {said}") from error
        self.head = open_head(self.where, heads, keys)

    def first_start(self) -> int:
        """Return where the first batch starts; the head's size if there is none."""
        return int(self._batches[0][0]) if self._batches else self.head.size

    def batches(self) -> Iterable[tuple[Any, Any, Any]]:
        """Return start, end and bundle of each batch, in order."""
        return self._batches
