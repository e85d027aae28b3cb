"""Which head readers are shown: the seam between a commit and the public.

A log without witnesses shows each head that it has signed, at once.  With witnesses a
head waits for its cosignatures: `tlog.log.cosigning.collector.Collector` is the other
one that has this face.
"""

from collections.abc import Callable
from typing import Protocol

from tlog.errors import BusyError
from tlog.log.merkle.snapshot import Snapshot


class NotCosignedError(BusyError):
    """The log has it, and no head that may be shown has it yet."""


class Heads(Protocol):
    """The heads of one log, for those that answer requests; used in one event loop."""

    @property
    def signed(self) -> Snapshot:
        """The newest signed head; safe to read from any thread."""
        ...

    @property
    def shown(self) -> Snapshot:
        """The newest head that readers are given; NotCosignedError before the first."""
        ...

    @property
    def readable(self) -> Snapshot:
        """The tree whose tiles and entries are handed out, shown by a head or not."""
        ...

    async def wait_for(
        self, size: int, signed: Snapshot, timeout_s: float
    ) -> Snapshot | None:
        """Return a shown head of at least `size`; None if it takes too long.

        signed: the head of the commit that is answered; it has at least `size`.
        """
        ...

    def start(self) -> None:
        """Begin to work on heads, in the running event loop."""
        ...

    def wake(self) -> None:
        """Take note that there is a newer signed head."""
        ...

    def end_waiting(self) -> None:
        """Let all that wait for a head go without: the log is stopping."""
        ...

    async def close(self) -> None:
        """End the work; the shown head stays shown."""
        ...


class SignedHeads:
    """Shows each head as it is committed.

    newest: returns the newest signed state.
    """

    def __init__(self, newest: Callable[[], Snapshot]) -> None:
        self._newest = newest

    @property
    def signed(self) -> Snapshot:
        """The newest signed head."""
        return self._newest()

    @property
    def shown(self) -> Snapshot:
        """The newest signed head, which is shown at once."""
        return self._newest()

    @property
    def readable(self) -> Snapshot:
        """The same."""
        return self._newest()

    async def wait_for(
        self, size: int, signed: Snapshot, timeout_s: float
    ) -> Snapshot | None:
        """Return the head of the commit itself."""
        return signed

    def start(self) -> None:
        """There is nothing to do."""

    def wake(self) -> None:
        """There is nothing to do."""

    def end_waiting(self) -> None:
        """Nobody waits."""

    async def close(self) -> None:
        """There is nothing to end."""
