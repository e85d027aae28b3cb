"""Whether this process is the one that writes.  The seam, and no adapter.

take     wait until this process may write, and nobody else does
start    keep it so
release  let another process write
"""

from collections.abc import Callable
from typing import Protocol

from tlog.lifeline import Lifeline


class Tenure(Protocol):
    """The right to write one log."""

    def take(
        self,
        meanwhile: Callable[[], None],
        may_write: Callable[[], bool] = lambda: True,
        *,
        at_once: bool = False,
    ) -> None:
        """Wait until this process is the one that writes.

        meanwhile: called from time to time while another one is.  may_write: asked
        before this one becomes it; what it has read of the log's row holds then.
        at_once: replace whoever writes, after `meanwhile`.
        """
        ...

    def end_waiting(self) -> None:
        """Let `take` return without the right: this process ends."""
        ...

    @property
    def is_held(self) -> bool:
        """Whether this process is still the one, as far as it knows; does not wait."""
        ...

    @property
    def term(self) -> int:
        """Return how many have written this log, this one included; 0 if unknown."""
        ...

    def start(self, lifeline: Lifeline) -> None:
        """Begin to hold on to it; the end of it stops the process."""
        ...

    def release(self) -> None:
        """Let another process write; this one has ended to."""
        ...
