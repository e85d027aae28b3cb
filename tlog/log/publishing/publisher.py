"""Writes all that is public: tiles, then the checkpoint, then the search index.

The order is the argument.  A checkpoint is replaced only after the tiles and bundles
of its size are durable.  After a crash the next start hands the same work to the same
publisher, which writes the rest.

The tiles of a head do not wait for it to be shown.  A signed head whose tiles are
durable, and which is not the one that becomes public, is kept apart as `stored`: the
journal is trimmed by it, and the next start grows from it.
"""

from collections.abc import Callable
from threading import Thread
from typing import Protocol

from tlog.clock import Clock
from tlog.entries.packed import Packed
from tlog.lifeline import Lifeline
from tlog.log.merkle.tree import Tree
from tlog.log.metrics import LogMetrics
from tlog.log.publishing.backlog import Backlog, Work
from tlog.log.storage.objects import Objects
from tlog.log_lines import log_event
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.hashing import HASH_SIZE
from tlogverify.note import parse_note
from tlogverify.tiles import Tile

_RETRY_S = 1.0


class SearchIndex(Protocol):
    """Where entries can be found by their hash and their search keys."""

    complete_to: int

    def add_entries(self, entries: Packed, leaf_hashes: bytes) -> None:
        """Add the entries from `complete_to` on; leaf_hashes: theirs, joined."""
        ...


class Publisher:
    """One thread that empties the backlog.

    interval_s: least time between two publications, unless a whole part of the backlog
    waits.  public_size, public_note: of the
    public checkpoint.  stored_size: of the tree whose tiles are durable; the journal's
    batches below it can be trimmed.  on_published: called, on its thread, when a part
    is published and indexed.
    """

    def __init__(
        self,
        backlog: Backlog,
        objects: Objects,
        index: SearchIndex,
        *,
        interval_s: float,
        clock: Clock,
        metrics: LogMetrics,
    ) -> None:
        self._backlog = backlog
        self._objects = objects
        self._index = index
        self._interval_s = interval_s
        self._clock = clock
        self._metrics = metrics
        self._edge: set[Tile] = set()
        self._thread: Thread | None = None
        self.on_published: Callable[[], object] = lambda: None
        self.stored_size = backlog.first
        self.public_note = objects.checkpoint() or b""
        self.public_size = _size_of(self.public_note)

    def start(self, lifeline: Lifeline) -> None:
        """Start the thread; if it fails, the backlog closes."""
        self._thread = lifeline.start_thread(
            "publisher", self._run, lambda _: self._backlog.close()
        )

    def join(self) -> None:
        """Wait for the thread, which ends when the backlog is closed and empty."""
        if self._thread is not None:
            self._thread.join()

    def publish(self) -> None:
        """Store the next part of what is new, and publish the head that was offered.

        On OSError the work returns to the backlog; tiles or `stored` may already be
        written, and are written again.
        """
        work = self._backlog.take()
        signed, shown = work.signed, work.shown
        edge = signed.tree.edge_tiles()
        fresh = {tile: edge[tile] for tile in edge if tile not in self._edge}
        tiles = work.tiles
        try:
            self._objects.put(tiles | fresh)
            if signed.size > max(self.stored_size, shown.size if shown else 0):
                self._objects.replace_stored(signed.note)
            if shown is not None:
                self._objects.put(missing_edge(shown.tree, signed.tree))
                self._objects.replace_checkpoint(shown.note)
        except OSError:
            self._backlog.put_back(work)
            raise
        self._edge = set(edge)
        self.stored_size = signed.size
        if shown is not None:
            self.public_note = shown.note
            self.public_size = shown.size
        self._objects.drop_partials(tiles)
        self._backlog.forget_tiles(work)
        self._add_to_index(work)
        self._backlog.forget_entries(work.commits)
        self.on_published()

    def _add_to_index(self, work: Work) -> None:
        # After a start, the index may reach further than the public checkpoint did.
        first = max(self._index.complete_to - work.start, 0)
        entries = work.entries
        if first < len(entries):
            joined = b"".join([b"".join(it.leaf_hashes) for it in work.commits])
            self._index.add_entries(
                entries.cut(first, len(entries)), joined[first * HASH_SIZE :]
            )

    def _run(self) -> None:
        while self._backlog.wait_for_work():
            started_s = self._clock.monotonic_s()
            if self._try_to_publish():
                spent_s = self._clock.monotonic_s() - started_s
                self._backlog.wait_for_part(self._interval_s - spent_s)
            elif self._backlog.wait_for_close(_RETRY_S):
                # The journal keeps the work for the next start.
                break

    def _try_to_publish(self) -> bool:
        """Publish; return whether the disk took it."""
        try:
            self.publish()
        except OSError as error:
            # A full disk: entries stay in the journal, and the backlog's bound stops
            # the sequencer before memory runs out.
            self._metrics.publish_failures.inc()
            log_event("publishing failed", level="error", error=str(error))
            return False
        return True


def _size_of(note: bytes) -> int:
    """Return the size that the log's own checkpoint names; 0 if there is none."""
    return parse_checkpoint(parse_note(note).text).size if note else 0


def missing_edge(shown: Tree, signed: Tree) -> dict[Tile, bytes]:
    """Return the incomplete tiles of an older tree that no full tile has replaced."""
    if shown is signed:
        return {}
    tiles = shown.edge_tiles()
    return {tile: tiles[tile] for tile in tiles if not signed.has(tile.full)}
