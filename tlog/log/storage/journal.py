"""The journal: accepted entries and the signed head.  The seam, and no adapter.

This is the commit point.  A batch is acknowledged after `commit` has returned and not
before.  Batches stay until the tiles and bundles that hold them are durable; each batch
is encoded as an entry bundle of any width.

What each error of an adapter means:

    BusyError       nothing was stored, and another commit may succeed
    FatalError      the stored head is another one, or nobody knows what was stored
    CorruptError    what is stored cannot be what a commit has stored
    MachineError    nothing can be read now, and nothing is said about what is stored
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class SignedHead(NamedTuple):
    """The newest signed head: size in leaves, and the note's bytes."""

    size: int
    note: bytes


class StoredBatch(NamedTuple):
    """The leaves [start, end) and their entries, encoded as a bundle."""

    start: int
    end: int
    entries: bytes


class Journal(Protocol):
    """The journal of one log; used by one thread after the other."""

    def head(self) -> SignedHead | None:
        """Return the newest signed head, or None in a new log."""
        ...

    def batches(self, since: int = 0) -> Iterator[StoredBatch]:
        """Return the batches that end above `since` and are not trimmed, in order."""
        ...

    def commit(
        self,
        old: SignedHead | None,
        new: SignedHead,
        batch: StoredBatch | None,
        trim_to: int,
    ) -> None:
        """Store a batch and move the head from `old` to `new`, durably, or neither.

        trim_to: batches that end at or below it are dropped; they are in durable
        bundles.

        Raises BusyError if nothing was stored, FatalError if the head is not `old` or
        the outcome is unknown.
        """
        ...

    @property
    def has_room(self) -> bool:
        """Whether another commit would find room; answered without waiting."""
        ...

    def trim(self, trim_to: int) -> None:
        """Drop the batches that end at or below `trim_to`, if that can be done now."""
        ...

    def close(self) -> None:
        """Let go of what is open; what was committed stays."""
        ...
