"""The right to write a log, by the lock of its folder."""

from collections.abc import Callable

from tlog.lifeline import Lifeline
from tlog.log.storage.folder import LogFolder


class FolderTenure:
    """Held as long as the folder's lock is, which was taken when it was opened."""

    def __init__(self, folder: LogFolder) -> None:
        self._folder = folder

    def take(
        self,
        meanwhile: Callable[[], None],
        may_write: Callable[[], bool] = lambda: True,
        *,
        at_once: bool = False,
    ) -> None:
        """Return at once: the lock is held."""

    def end_waiting(self) -> None:
        """Nobody waits."""

    @property
    def is_held(self) -> bool:
        """Whether this process still holds the lock."""
        return self._folder.is_locked

    @property
    def term(self) -> int:
        """Return 0: nobody counts who has held the lock."""
        return 0

    def start(self, lifeline: Lifeline) -> None:
        """Leave it to the operating system."""

    def release(self) -> None:
        """Leave it to the folder, whose lock it is."""
