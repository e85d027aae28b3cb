"""Entries that are committed and not yet published: bounded, shared by two threads.

The sequencer adds them and the publisher takes them.  Readers find here the full tiles
that are not on disk, and the sequencer finds the leaf hashes that are not in the index.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Condition

from tlog.log.merkle.snapshot import Snapshot
from tlogverify.tiles import Tile


@dataclass(slots=True)
class Work:
    """The work of one publication.

    signed: the newest head; all that it has is to be stored.  start: the index of the
    first of `entries`, whose leaf hashes stand beside.  tiles: full tiles and bundles
    that are not on disk yet.  shown: the newest head that was offered, or None.
    """

    signed: Snapshot
    start: int
    tiles: dict[Tile, bytes] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)
    leaf_hashes: list[bytes] = field(default_factory=list)
    shown: Snapshot | None = None


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
        self._next = Work(stored, stored.size, shown=stored if offers_all else None)
        self.first = stored.size

    def get(self, tile: Tile) -> bytes | None:
        """Return a full tile or bundle that is not on disk yet."""
        return self._tiles.get(tile)

    def find(self, leaf_hash: bytes) -> int | None:
        """Return the index of an entry that is not in the search index yet."""
        return self._known.get(leaf_hash)

    def add(
        self,
        signed: Snapshot,
        tiles: dict[Tile, bytes],
        entries: Sequence[bytes],
        leaf_hashes: Sequence[bytes],
    ) -> None:
        """Add a committed batch; its tiles must be complete."""
        start = signed.size - len(entries)
        self._tiles.update(tiles)
        self._known.update(zip(leaf_hashes, range(start, signed.size), strict=True))
        with self._changed:
            self._next.signed = signed
            if self._offers_all:
                self._next.shown = signed
            self._next.tiles.update(tiles)
            self._next.entries += entries
            self._next.leaf_hashes += leaf_hashes
            self._bytes += sum(map(len, entries))
            self._is_new = True
            self._changed.notify_all()

    def offer(self, shown: Snapshot) -> None:
        """Let a head be public; it has been added before."""
        with self._changed:
            self._next.shown = shown
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

    def take(self) -> Work:
        """Return all that is new; the tiles stay readable here until `forget`."""
        with self._changed:
            work = self._next
            self._next = Work(work.signed, work.signed.size)
            self._is_new = False
            return work

    def put_back(self, work: Work) -> None:
        """Undo a `take`: the next `take` returns `work` with all that came since."""
        with self._changed:
            later = self._next
            work.signed = later.signed
            work.tiles.update(later.tiles)
            work.entries += later.entries
            work.leaf_hashes += later.leaf_hashes
            work.shown = later.shown or work.shown
            self._next, self._is_new = work, True

    def forget(self, work: Work) -> None:
        """Forget work that is on disk and in the index."""
        for tile in work.tiles:
            del self._tiles[tile]
        for leaf_hash in work.leaf_hashes:
            del self._known[leaf_hash]
        with self._changed:
            self._bytes -= sum(map(len, work.entries))
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
