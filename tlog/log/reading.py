"""The face of a log that a door needs which answers readers, and no more of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tlog.log.proofs.prover import Prover
from tlog.log.proofs.reader import TileReader
from tlog.log.publishing.heads import Heads
from tlog.log.sequencer.known import KnownEntries


class SearchIndex(Protocol):
    """Where entries can be found by what they name."""

    @property
    def complete_to(self) -> int:
        """Return the size up to which every entry can be found."""
        ...

    def search(self, key: bytes, start: int, limit: int) -> list[int]:
        """Return up to `limit` indexes of entries that `key` finds, from `start`."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The face of a log for those that read.

    public_note: returns the public checkpoint, empty before the first.
    """

    heads: Heads
    prover: Prover
    tiles: TileReader
    index: SearchIndex
    known: KnownEntries
    public_note: Callable[[], bytes]
