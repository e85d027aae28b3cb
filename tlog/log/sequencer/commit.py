"""The commit: from planned entries to a durable, signed head.

The order is the argument:

    0  may the log write                        nothing is changed
    1  grow the tree, sign, self-check          nothing is changed
    2  journal: entries and head, one commit    <- the commit point
    3  the backlog and the signed head move on  memory only

A crash before 2 leaves the log as it was; after 2, recovery finds the batch in the
journal and does step 3 again.  An error that may have changed something is fatal.
"""

from collections.abc import Callable

from tlog.log.merkle.extension import Extension
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.publishing.backlog import Backlog
from tlog.log.sequencer.batch import Batch
from tlog.log.sequencer.growth import Growth, grow
from tlog.log.sequencer.selfcheck import check_head
from tlog.log.storage.journal import Journal, SignedHead, StoredBatch
from tlog.signing import HeadSigner
from tlogverify.checkpoint import Checkpoint


class Committer:
    """Holds the newest state and moves it on, a batch at a time.

    signed: the newest signed head; replaced as a whole, so any thread may read it.
    require_writable: raises if nothing may be signed any more; called on the thread
    that commits.
    """

    def __init__(
        self,
        signer: HeadSigner,
        journal: Journal,
        backlog: Backlog,
        signed: Snapshot,
        require_writable: Callable[[], None],
    ) -> None:
        self._signer = signer
        self._journal = journal
        self._backlog = backlog
        self._require_writable = require_writable
        self.signed = signed

    def commit(self, batch: Batch, trim_to: int) -> Extension:
        """Add a batch of one or more new entries durably.

        trim_to: the journal may drop the batches below this size.

        Raises BusyError or RejectedError if nothing was changed, FatalError if nobody
        knows whether it was.
        """
        self._require_writable()
        leaf_hashes = b"".join(batch.leaf_hashes)
        old = self.signed
        growth = grow(old.tree, batch.entries, leaf_hashes)
        new = self._sign(growth)
        self._journal.commit(
            SignedHead(old.size, old.note),
            SignedHead(new.size, new.note),
            StoredBatch(old.size, new.size, growth.encoded),
            trim_to,
        )
        self._backlog.add(new, growth.full, batch.entries, batch.leaf_hashes)
        self.signed = new
        return growth.extension

    def _sign(self, growth: Growth) -> Snapshot:
        """Sign the grown tree's head; it comes back only if it verifies."""
        tree = growth.tree
        note = self._signer.sign(tree.size, tree.root)
        check_head(
            Checkpoint(self._signer.origin, self.signed.size, self.signed.root),
            growth.extension.peaks,
            growth.encoded,
            note,
            self._signer.verifier_keys,
        )
        return Snapshot(note, tree)
