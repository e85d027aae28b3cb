"""The unverified run: what lies between the verified head and a larger one.

Its full bundles are stored behind the verified ones and counted as they come, so that
a stop costs little.  The incomplete bundle at its end, the edge, stays in memory, since
another head may have another edge.  Nothing in the run is believed, and no hit in it is
told, before the root of its head comes out.
"""

from typing import Final

from tlog import hashing
from tlog.monitor.heads import SeenHead
from tlog.monitor.matching import Matcher
from tlog.monitor.reading import AlarmOfHit, Cursor, Hit
from tlog.monitor.state import State
from tlog.monitor.stored import StoredTree
from tlogverify.tiles import TILE_WIDTH

_COMMIT_BYTES: Final = 32 << 20
# Of an entry, for each watch that it names; the proof file of a hit has it whole.
_KEPT_BYTES: Final = 4_096


class UnverifiedRun:
    """The run from the verified head of one state to `head`, which is larger.

    It begins with the bundles that an earlier reading has stored.
    """

    def __init__(self, state: State, head: SeenHead, matcher: Matcher) -> None:
        self.head = head
        self._state = state
        self._bundles = state.bundles
        self._matcher = matcher
        self._labels = [it.label for it in matcher.watches]
        self._verified_size = state.cursor().head.size
        self._edge = b""
        self._edge_hits: list[Hit] = []
        self._uncounted_hits: list[Hit] = []
        self._uncounted_bytes = 0

    @property
    def next_bundle(self) -> int:
        """The number of the first bundle that is still to come."""
        return self._bundles.count

    @property
    def size(self) -> int:
        """How many entries of the head are there, the verified ones included."""
        if self._edge:
            return self.head.size
        return min(self._bundles.count * TILE_WIDTH, self.head.size)

    def take(self, bundles: list[bytes]) -> None:
        """Hash, search and store the next bundles.

        Raises FormatError if one has not the form of a bundle.
        """
        first, (full, width) = self.next_bundle, divmod(self.head.size, TILE_WIDTH)
        if first + len(bundles) > full:
            self._edge = bundles.pop()
            # An edge of a wrong form is found out here, before it is searched.
            hashing.bundle_leaf_hashes(self._edge, width)
            self._edge_hits = self._search(self._edge, full, width)
        hashes = [hashing.bundle_leaf_hashes(it, TILE_WIDTH) for it in bundles]
        if bundles:
            self._bundles.append(bundles, hashing.subtree_roots(b"".join(hashes)))
        for number, bundle in enumerate(bundles, first):
            self._uncounted_hits += self._search(bundle, number, TILE_WIDTH)
            self._uncounted_bytes += len(bundle)
        if self._uncounted_bytes >= _COMMIT_BYTES:
            self.count()

    def count(self) -> None:
        """Make what was taken durable, and count it: a restart goes on from here."""
        if self._uncounted_bytes == 0:
            return
        self._bundles.sync()
        self._state.reading.lengthen_run(
            self._bundles.count, self._uncounted_hits, self._labels
        )
        self._uncounted_hits.clear()
        self._uncounted_bytes = 0

    def tree(self) -> StoredTree:
        """Return the tree that the run makes of the verified one."""
        return StoredTree(self._bundles, self._edge, self.head.size)

    def accept(self, origin: str, now_s: int, alarm_of: AlarmOfHit) -> None:
        """Move the cursor to the head, which was proven; the run ends with that."""
        cursor = Cursor(origin, self._bundles.count, self.head, self._edge, now_s)
        self._state.reading.accept(cursor, self._edge_hits, self._labels, alarm_of)

    def _search(self, bundle: bytes, number: int, width: int) -> list[Hit]:
        return hits_in_run(self._matcher, bundle, number, width, self._verified_size)


def hits_in_run(
    matcher: Matcher, bundle: bytes, number: int, width: int, verified_size: int
) -> list[Hit]:
    """Return what the watches find in one bundle of an unverified run.

    Entries below the verified size are left out: the verified edge was searched for
    them, and what this bundle holds in their place may be something else.
    """
    hits = hits_in(matcher, bundle, number, width)
    return [hit for hit in hits if hit.index >= verified_size]


def hits_in(matcher: Matcher, bundle: bytes, number: int, width: int) -> list[Hit]:
    """Return what the watches find in one bundle of the log."""
    return [
        Hit(it.watch.label, it.watch.name, it.index, it.entry[:_KEPT_BYTES])
        for it in matcher.search(bundle, width, number * TILE_WIDTH)
    ]
