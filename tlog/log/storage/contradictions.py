"""What witnesses have said against a log, kept for the next start.  The seam.

FolderContradictions    a file beside the log
"""

from pathlib import Path
from typing import Protocol

from tlog.folders import PRIVATE_FILE, write_whole


class KeptContradictions(Protocol):
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


class FolderContradictions:
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
