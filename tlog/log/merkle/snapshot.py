"""One state of the log: a tree, and the note that signs its head.

A snapshot never changes.  An endpoint takes one snapshot for each request, so that
every proof of the answer refers to the one head in that answer.  Four snapshots have a
name, here and in all of `tlog.log`:

    signed     the newest that is committed; its note has the log's signatures alone
    shown      the newest that readers are given; its note may have cosignatures
    public     its note is the file `public/checkpoint`, which follows `shown`
    stored     the newest whose tiles are durable; `signed` when all tiles are written

         size ──────────────────────────────────────────────────►
              public ≤ shown ≤ signed      public ≤ stored ≤ signed
"""

from dataclasses import dataclass

from tlog.log.merkle.tree import Tree
from tlogverify.hashing import Hash


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A signed head and its tree.

    note: the checkpoint of `tree`, with the log's signatures.
    """

    note: bytes
    tree: Tree

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self.tree.size

    @property
    def root(self) -> Hash:
        """The root of the tree."""
        return self.tree.root
