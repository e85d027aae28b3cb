"""A text about a log that is kept beside it, for the next start.  The seam.

It is what witnesses have said against the log, or which keys it has had.

FolderText       a file in the log's folder
KeptElsewhere    kept by another process, which writes the log
"""

from pathlib import Path
from typing import Protocol

from tlog.folders import PRIVATE_FILE, write_whole


class KeptText(Protocol):
    """A text that outlives the process; where: its place, for people."""

    @property
    def where(self) -> str:
        """Return its place."""
        ...

    def read(self) -> bytes | None:
        """Return what is kept; None if nothing ever was."""
        ...

    def write(self, content: bytes) -> None:
        """Replace it durably; OSError if that cannot be done now."""
        ...


class FolderText:
    """The text in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def where(self) -> str:
        """Return the path of the file."""
        return str(self._file)

    def read(self) -> bytes | None:
        """Return what the file has; None if there is no file."""
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, content: bytes) -> None:
        """Replace the file as a whole."""
        write_whole(self._file, content, mode=PRIVATE_FILE)


class KeptElsewhere:
    """The text of a log that this process does not write; where: who keeps it."""

    def __init__(self, where: str) -> None:
        self.where = where

    def read(self) -> bytes | None:
        """Return None: who writes reads it."""
        return None

    def write(self, content: bytes) -> None:
        """Leave it to who writes."""
