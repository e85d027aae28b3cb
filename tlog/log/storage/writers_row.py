"""The node that writes a log, by the log's row in the database."""

from typing import Final

from tlog.log.storage.postgres import Database
from tlog.log.storage.writers import Writer

_FIND: Final = "SELECT term, address, secret FROM tlog_heads WHERE origin = %(origin)s"


class RowWriters:
    """The writer of one log; database: a connection of its own."""

    def __init__(self, database: Database, origin: str, here: Writer) -> None:
        self._database = database
        self._origin = origin
        self.here = here

    def find(self) -> Writer | None:
        """Return the node that wrote last, if the row names its address."""
        for term, address, secret in self._database.read(
            _FIND, {"origin": self._origin}
        ):
            if address and secret:
                return Writer(term, address, bytes(secret))
        return None

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
