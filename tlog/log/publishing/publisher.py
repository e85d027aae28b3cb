"""Writes what the public sees: tiles, then the checkpoint, then the search index.

The order is the argument.  A checkpoint is replaced only after the tiles and bundles
of its size are durable; what a crash leaves out is written by the next start, which
hands the same work to the same publisher.

Where heads wait for cosignatures, the newest one is kept apart as `stored` when its
tiles are durable: the journal is trimmed by it and the next start grows from it, while
the public checkpoint follows when a head is offered.
"""

from collections.abc import Callable, Sequence
from threading import Thread
from typing import NamedTuple, Protocol

from tlog.clock import Clock
from tlog.errors import FatalError
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.publishing.backlog import Backlog, Work
from tlog.log.storage.objects import Objects
from tlog.log_lines import log_event
from tlog.metrics import LogMetrics
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.kinds import search_keys
from tlogverify.note import parse_note
from tlogverify.tiles import Tile

_RETRY_S = 1.0
_INDEX_ENTRIES = 25_000


class SearchIndex(Protocol):
    """Where entries can be found by their hash and their search keys."""

    complete_to: int

    def add(
        self, leaf_hashes: Sequence[bytes], search_keys: Sequence[Sequence[bytes]]
    ) -> None:
        """Add the entries from `complete_to` on."""
        ...


class Pace(NamedTuple):
    """When a head becomes public: at most each interval; held until it is offered."""

    interval_s: float
    holds: bool = False


class Publisher:
    """One thread that empties the backlog; ends with the first fatal error.

    published_size, published_note: the public checkpoint.  stored_size: of the tree
    whose tiles are durable; batches below it can be trimmed.  on_stop: called when the
    thread ends.  failure: the fatal error, if any.
    """

    def __init__(
        self,
        backlog: Backlog,
        objects: Objects,
        index: SearchIndex,
        *,
        pace: Pace,
        clock: Clock,
        metrics: LogMetrics,
    ) -> None:
        self._backlog = backlog
        self._objects = objects
        self._index = index
        self._pace = pace
        self._clock = clock
        self._metrics = metrics
        self._edge: set[Tile] = set()
        self._thread = Thread(target=self._run, name="publisher")
        self.stored_size = backlog.first
        self.published_note = objects.checkpoint() or b""
        self.published_size = _size_of(self.published_note)
        self.on_stop: Callable[[], object] = lambda: None
        self.failure: FatalError | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the thread, which ends when the backlog is closed and empty."""
        if self._thread.ident is not None:
            self._thread.join()

    def publish(self) -> None:
        """Publish all that is new now.

        Raises OSError if nothing but some tiles were written: the work is put back.
        """
        work = self._backlog.take()
        edge = work.snapshot.edge_tiles()
        fresh = {tile: edge[tile] for tile in edge if tile not in self._edge}
        head = work.head if self._pace.holds else work.snapshot
        try:
            self._objects.put(work.tiles | fresh)
            if self._pace.holds and work.snapshot.size > self.stored_size:
                self._objects.replace_stored(work.snapshot.note)
            if head is not None:
                self._objects.put(_missing_edge(head, work.snapshot))
                self._objects.replace_checkpoint(head.note)
        except OSError:
            self._backlog.put_back(work)
            raise
        self._edge = set(edge)
        self.stored_size = work.snapshot.size
        if head is not None:
            self.published_note = head.note
            self.published_size = head.size
        self._objects.drop_partials(work.tiles)
        self._add_to_index(work)
        self._backlog.settle(work)

    def _add_to_index(self, work: Work) -> None:
        # After a start, the index may reach further than the public checkpoint did.
        first = self._index.complete_to - work.start
        for at in range(first, len(work.entries), _INDEX_ENTRIES):
            entries = work.entries[at : at + _INDEX_ENTRIES]
            self._index.add(
                work.leaf_hashes[at : at + _INDEX_ENTRIES],
                [search_keys(entry) for entry in entries],
            )

    def _run(self) -> None:
        try:
            while self._backlog.wait_for_work():
                started_s = self._clock.monotonic_s()
                if self._try_to_publish():
                    spent_s = self._clock.monotonic_s() - started_s
                    self._backlog.wait_for_close(self._pace.interval_s - spent_s)
                elif self._backlog.wait_for_close(_RETRY_S):
                    # The journal keeps it for the next start.
                    break
        except FatalError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the top of this task: it ends here
            self._fail(FatalError(f"publishing failed: {error!r}"))
        finally:
            self.on_stop()

    def _try_to_publish(self) -> bool:
        """Publish; tell whether that was possible now."""
        try:
            self.publish()
        except OSError as error:
            # A full disk: entries stay in the journal, and the backlog's bound stops
            # the sequencer before memory runs out.
            self._metrics.publish_failures.inc()
            log_event("publishing failed", level="error", error=str(error))
            return False
        return True

    def _fail(self, error: FatalError) -> None:
        self.failure = error
        log_event("publisher stopped", level="error", error=str(error))
        self._backlog.close()


def _size_of(note: bytes) -> int:
    """Return the size that the log's own checkpoint names; 0 if there is none."""
    return parse_checkpoint(parse_note(note).text).size if note else 0


def _missing_edge(head: Snapshot, newest: Snapshot) -> dict[Tile, bytes]:
    """Return the incomplete tiles of an older head that no full tile has replaced."""
    if head is newest:
        return {}
    tiles = head.edge_tiles()
    return {tile: tiles[tile] for tile in tiles if not newest.has(tile.full)}
