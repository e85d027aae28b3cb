"""Entries that are committed and not yet published: bounded, shared by two threads.

The sequencer adds them and the publisher takes them, a part at a time.  Readers find
here the full tiles that are not on disk, and the sequencer finds the leaf hashes that
are not in the index.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Final, NamedTuple

from tlog.entries.packed import Packed
from tlog.log.merkle.snapshot import Snapshot
from tlogverify.tiles import Tile

PART_BYTES: Final = 8 << 20
"""About so many bytes of entries are taken at once: a part is published, indexed and
forgotten before the next, so that a full backlog has room again soon."""


class Committed(NamedTuple):
    """One commit.

    signed: its head.  tiles: those that became full with it.  leaf_hashes: one for each
    of its entries.
    """

    signed: Snapshot
    tiles: dict[Tile, bytes]
    entries: Packed
    leaf_hashes: Sequence[bytes]


@dataclass(slots=True)
class Work:
    """The work of one publication.

    signed: the newest head of it; all that this head has is to be stored.  start: the
    index of the first entry of `commits`.  shown: the newest head that was offered and
    that `signed` extends, or None.
    """

    signed: Snapshot
    start: int
    commits: list[Committed] = field(default_factory=list)
    shown: Snapshot | None = None

    @property
    def entries(self) -> Packed:
        """The new entries."""
        return Packed.join(it.entries for it in self.commits)

    @property
    def tiles(self) -> dict[Tile, bytes]:
        """The full tiles and bundles that are not on disk yet."""
        return {tile: it.tiles[tile] for it in self.commits for tile in it.tiles}


class Backlog:
    """Everything between the commit point and the public checkpoint.

    limit_bytes: of entries; `wait_for_room` holds the sequencer back above it.
    offers_all: every head that is added may be public at once.  first: the size up to
    which all was stored when this backlog was made.
    """

    def __init__(
        self, stored: Snapshot, limit_bytes: int, *, offers_all: bool = True
    ) -> None:
        self._limit_bytes = limit_bytes
        self._offers_all = offers_all
        self._changed = Condition()
        self._is_closed = False
        self._is_unbounded = False
        self._tiles: dict[Tile, bytes] = {}
        self._known: dict[bytes, int] = {}
        self._bytes = 0
        self._is_new = True
        self._commits: deque[Committed] = deque()
        self._taken = stored
        self._start = stored.size
        self._offered: Snapshot | None = stored if offers_all else None
        self.first = stored.size

    def get(self, tile: Tile) -> bytes | None:
        """Return a full tile or bundle that is not on disk yet."""
        return self._tiles.get(tile)

    def find(self, leaf_hash: bytes) -> int | None:
        """Return the index of an entry that is not in the search index yet."""
        return self._known.get(leaf_hash)

    def find_all(self, leaf_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Return the indexes of those that are not in the search index yet."""
        known = self._known
        # The publisher may forget an entry meanwhile: it is in the index then.
        found = ((it, known.get(it)) for it in known.keys() & leaf_hashes)
        return {it: index for it, index in found if index is not None}

    def add(
        self,
        signed: Snapshot,
        tiles: dict[Tile, bytes],
        entries: Sequence[bytes],
        leaf_hashes: Sequence[bytes],
    ) -> None:
        """Add a committed batch; its tiles must be complete."""
        start = signed.size - len(entries)
        commit = Committed(signed, tiles, Packed.of(entries), leaf_hashes)
        self._tiles.update(tiles)
        self._known.update(zip(leaf_hashes, range(start, signed.size), strict=True))
        with self._changed:
            self._commits.append(commit)
            if self._offers_all:
                self._offered = signed
            self._bytes += commit.entries.entry_bytes
            self._is_new = True
            self._changed.notify_all()

    def offer(self, shown: Snapshot) -> None:
        """Let a head be public; it has been added before."""
        with self._changed:
            self._offered = shown
            self._is_new = True
            self._changed.notify_all()

    def wait_for_room(self) -> None:
        """Wait until less than the limit is unpublished, or the log is closing."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._bytes < self._limit_bytes or self._is_unbounded
            )

    def wait_for_work(self) -> bool:
        """Wait for something new or for the end; return whether something is new."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_new or self._is_closed)
            return self._is_new

    def wait_for_close(self, seconds: float) -> bool:
        """Wait for `seconds`, or for the end; return whether the backlog is closed."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_closed, max(seconds, 0))

    def wait_for_part(self, seconds: float) -> None:
        """Wait for `seconds`, for as much as is taken at once, or for the end."""
        part = min(PART_BYTES, self._limit_bytes)
        with self._changed:
            self._changed.wait_for(
                lambda: self._bytes >= part or self._is_closed, max(seconds, 0)
            )

    def take(self) -> Work:
        """Return the next part; its tiles stay readable here until they are forgotten.

        A head that is offered comes with the part that it is in.
        """
        with self._changed:
            work = Work(self._taken, self._start)
            part_bytes = 0
            while self._commits and part_bytes < PART_BYTES:
                work.commits.append(self._commits.popleft())
                part_bytes += work.commits[-1].entries.entry_bytes
            if work.commits:
                work.signed = work.commits[-1].signed
            work.shown = self._shown_by(work.signed)
            self._taken, self._start = work.signed, work.signed.size
            self._is_new = bool(self._commits)
            return work

    def _shown_by(self, signed: Snapshot) -> Snapshot | None:
        """Take the head that is offered, if it is not behind a head that is stored."""
        offered = self._offered
        if offered is None or (self._commits and offered.size > signed.size):
            return signed if self._offers_all and offered is not None else None
        self._offered = None
        return offered

    def put_back(self, work: Work) -> None:
        """Undo a `take`: the next `take` returns `work`, and what fits beside it."""
        with self._changed:
            self._commits.extendleft(reversed(work.commits))
            self._start = work.start
            self._offered = self._offered or work.shown
            self._is_new = True

    def forget(self, work: Work) -> None:
        """Forget work that is on disk and in the index."""
        self.forget_tiles(work)
        self.forget_entries(work.commits)

    def forget_tiles(self, work: Work) -> None:
        """Forget the tiles of work: they are on disk."""
        for commit in work.commits:
            for tile in commit.tiles:
                del self._tiles[tile]

    def forget_entries(self, commits: Sequence[Committed]) -> None:
        """Forget entries that are in the index."""
        for commit in commits:
            for leaf_hash in commit.leaf_hashes:
                del self._known[leaf_hash]
        with self._changed:
            self._bytes -= sum(it.entries.entry_bytes for it in commits)
            self._changed.notify_all()

    def lift_bound(self) -> None:
        """Hold the sequencer back no more: it commits all that the pool still has.

        A log that closes on a full disk must come to its end; the journal keeps the
        entries that cannot be published.
        """
        with self._changed:
            self._is_unbounded = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let both threads come to their end."""
        with self._changed:
            self._is_unbounded = self._is_closed = True
            self._changed.notify_all()
