"""The face of a log that a door needs which answers readers, and no more of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tlog.documents.naming import Hit, Page
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.proofs.prover import Prover
from tlog.log.proofs.reader import TileReader
from tlog.log.publishing.heads import Heads


class SearchIndex(Protocol):
    """Where entries can be found by what they name."""

    @property
    def complete_to(self) -> int:
        """Return the size up to which every entry can be found."""
        ...

    def search(self, key: bytes, start: int, limit: int) -> list[int]:
        """Return up to `limit` indexes of entries that `key` finds, from `start`."""
        ...


class Known(Protocol):
    """Where entries can be found by their leaf hash."""

    def find(self, leaf_hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indexes of those of `leaf_hashes` that the log has."""
        ...


class Found(NamedTuple):
    """Some entries that a key finds, ascending, all of them in the tree of `shown`.

    complete_to: every entry below it can be found.  next: the index of the first that
    found no room, or None.
    """

    shown: Snapshot
    complete_to: int
    indexes: list[int]
    next: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """The face of a log for those that read.

    public_note: returns the public checkpoint, empty before the first.
    """

    heads: Heads
    prover: Prover
    tiles: TileReader
    index: SearchIndex
    known: Known
    public_note: Callable[[], bytes]

    async def find(self, key: bytes, start: int, limit: int) -> Found:
        """Return up to `limit` entries that a search key finds, from `start` on."""
        # The index first: it never reaches beyond the head that is read after it.
        complete_to = self.index.complete_to
        found = await asyncio.to_thread(self.index.search, key, start, limit + 1)
        shown = self.heads.shown
        # An entry that no head shows yet cannot be proven: it comes with a later head.
        found = [index for index in found if index < shown.size]
        after = found[limit] if len(found) > limit else None
        return Found(shown, min(complete_to, shown.size), found[:limit], after)

    async def find_named(self, key: bytes, start: int, limit: int) -> Page:
        """Return the same with the entries and their paths."""
        shown, complete_to, indexes, after = await self.find(key, start, limit)
        hits = await self._hits(shown, indexes)
        return Page(shown.note, complete_to, hits, after)

    async def find_at(self, indexes: Sequence[int]) -> Page:
        """Return those of these entries, ascending, that the shown head has."""
        shown = self.heads.shown
        hits = await self._hits(shown, [it for it in indexes if it < shown.size])
        return Page(shown.note, shown.size, hits, None)

    async def _hits(self, shown: Snapshot, indexes: Sequence[int]) -> list[Hit]:
        entries = await asyncio.to_thread(self._entries, shown, indexes)
        paths = await self.prover.inclusions(shown, indexes)
        return [
            Hit(index, entry, paths[index])
            for index, entry in zip(indexes, entries, strict=True)
        ]

    async def committed(self, index: int) -> bytes | None:
        """Return an entry below the signed head, which no witness need have seen."""
        signed = self.heads.signed
        if index >= signed.size:
            return None
        (entry,) = await self.prover.entries(signed, index, index + 1)
        return entry

    def _entries(self, shown: Snapshot, indexes: Sequence[int]) -> list[bytes]:
        read = self.tiles.entries
        return [entry for it in indexes for entry in read(shown, it, it + 1)]
