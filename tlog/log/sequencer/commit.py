"""The commit: from planned entries to a durable, signed head.

The order is the argument:

    1  grow the tree, sign, self-check          nothing is changed
    2  journal: entries and head, one commit    <- the commit point
    3  the backlog and the snapshot move on     memory only

A crash before 2 leaves the log as it was; after 2, recovery finds the batch in the
journal and does step 3 again.  An error that may have changed something is fatal.
"""

from tlog.log.merkle.extension import Extension
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.publishing.backlog import Backlog
from tlog.log.sequencer.batch import Batch
from tlog.log.sequencer.growth import Growth, Tree, grow
from tlog.log.sequencer.selfcheck import check_head
from tlog.log.storage.journal import Head, Journal, StoredBatch
from tlog.signing import HeadSigner
from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import Hash


class Committer:
    """Holds the newest state and moves it on, a batch at a time.

    snapshot: the newest signed state; replaced as a whole, so any thread may read it.
    """

    def __init__(
        self,
        signer: HeadSigner,
        journal: Journal,
        backlog: Backlog,
        state: tuple[Tree, Snapshot],
    ) -> None:
        self._signer = signer
        self._journal = journal
        self._backlog = backlog
        self._tree, self.snapshot = state

    def newest(self) -> Snapshot:
        """Return the newest signed state."""
        return self.snapshot

    def commit(self, batch: Batch, trim_to: int) -> Extension:
        """Add a batch of one or more new entries durably.

        trim_to: the journal may drop what lies below.

        Raises BusyError if nothing was changed, FatalError if that is not known.
        """
        leaf_hashes = b"".join(batch.leaf_hashes)
        growth = grow(self._tree, batch.entries, leaf_hashes)
        note = self._signed_head(growth)
        old, size = self.snapshot, growth.tree.frontier.size
        self._journal.commit(
            Head(old.size, old.note),
            Head(size, note),
            StoredBatch(old.size, size, growth.encoded),
            trim_to,
        )
        self._tree = growth.tree
        snapshot = snapshot_of(growth.tree, growth.extension.root, note)
        self._backlog.add(snapshot, growth.full, batch.entries, batch.leaf_hashes)
        self.snapshot = snapshot
        return growth.extension

    def _signed_head(self, growth: Growth) -> bytes:
        """Sign the grown tree's head; it comes back only if it verifies."""
        frontier = growth.tree.frontier
        note = self._signer.sign(frontier.size, growth.extension.root)
        check_head(
            Checkpoint(self._signer.origin, self.snapshot.size, self.snapshot.root),
            growth.extension.peaks,
            growth.encoded,
            note,
            self._signer.verifiers,
        )
        return note


def snapshot_of(tree: Tree, root: Hash, note: bytes) -> Snapshot:
    """Return the snapshot of a tree under its signed head."""
    return Snapshot(note, root, tree.frontier, tree.open_entries)
