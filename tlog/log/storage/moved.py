"""Whether a log has moved elsewhere, or is on its way here.  The seam.

Nobody may write a log where this is set: it would get a second history.

FolderMoved    a file beside the log
"""

from pathlib import Path
from typing import Final, Protocol

from tlog.durable.disk import SystemDisk
from tlog.errors import RejectedError
from tlog.folders import PUBLIC_FILE, write_whole

_TEXT: Final = b"This log has moved, or is moving: tlog migrate did it.\n"


class Moved(Protocol):
    """A mark that outlives the process."""

    @property
    def is_set(self) -> bool:
        """Whether it is set; MachineError or OSError if that cannot be read."""
        ...

    def put(self, *, is_set: bool) -> None:
        """Set it or take it away, durably; OSError if that cannot be done now."""
        ...


class FolderMoved:
    """The mark of a log in a folder."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def is_set(self) -> bool:
        """Whether the file is there."""
        return self._file.exists()

    def put(self, *, is_set: bool) -> None:
        """Make the file, or remove it."""
        if is_set:
            write_whole(self._file, _TEXT, mode=PUBLIC_FILE)
        else:
            self._file.unlink(missing_ok=True)
            SystemDisk().sync_folder(self._file.parent)


def require_here(moved: Moved) -> None:
    """Raise RejectedError unless the log may be written here."""
    if moved.is_set:
        raise RejectedError(
            "this log has moved: serve it where it lies now, or end by tlog migrate "
            "what was begun"
        )
