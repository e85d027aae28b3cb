r"""Many inclusion proofs of one tree: what they share is hashed once.

Above the node where the ways of two leaves meet, their proofs name the same siblings.
So a proof is hashed only up to the child of that node.

              o      above it, both proofs name the same siblings
            /   \
           a     b   a: on the last leaf's way, and its proof named b as the sibling
          /       \  b: on this leaf's way, and its proof must name a as the sibling
     last leaf   this leaf

Source: RFC 6962, 2.1.1.  The arithmetic of a path is explained in `tlogverify.merkle`.
"""

import hashlib
from collections.abc import Sequence

from tlogverify.errors import ProofError
from tlogverify.hashing import HASH_SIZE
from tlogverify.merkle import require_hashes, verify_inclusion, ways_up


class Inclusions:
    """Verifies inclusion proofs in the tree (size, root), one after the other.

    It accepts and refuses what `tlogverify.merkle.verify_inclusion` does, in any order.
    Proofs in ascending order of their indexes share the most.
    """

    def __init__(self, size: int, root: bytes) -> None:
        self._size = size
        self._root = root
        self._index = -1
        self._path: list[bytes] = []
        # The nodes on the last leaf's way: `_nodes[k]` is hashed of k siblings.
        self._nodes: list[bytes] = []

    def verify(self, index: int, leaf_hash: bytes, path: Sequence[bytes]) -> None:
        """Prove that the leaf at `index` has `leaf_hash`.

        path: sibling hashes from the leaf up.  Raises ProofError if it is not proven.
        """
        ways, siblings = ways_up(index, self._size, len(path)), list(path)
        if self._index in (-1, index):
            # The first proof, or a leaf once more.
            verify_inclusion(index, self._size, leaf_hash, siblings, self._root)
            self._nodes = _hashed(ways, leaf_hash, siblings)
            self._index, self._path = index, siblings
            return
        # `own` siblings stand below the meeting; above it only what is on the left
        # counts once the way has left the right edge's.
        own = (meeting := (index ^ self._index).bit_length()) - 1
        if meeting > (index ^ (self._size - 1)).bit_length():
            own = len(siblings) - 1 - (index >> meeting).bit_count()
        last, nodes = own + len(self._path) - len(siblings), self._nodes
        mine = _hashed(ways, leaf_hash, siblings[:own])
        # What is compared leads to the root, so no sibling has another length, unless
        # the leaf's hash has too: see verify_inclusion.
        if (
            mine[own] != self._path[last]
            or siblings[own] != nodes[last]
            or siblings[own + 1 :] != self._path[last + 1 :]
            or len(leaf_hash) != HASH_SIZE
        ):
            require_hashes(leaf_hash, *siblings)
            raise ProofError("the inclusion proof does not lead to the root")
        nodes[: last + 1] = mine
        self._index, self._path = index, siblings


def _hashed(ways: int, leaf_hash: bytes, siblings: list[bytes]) -> list[bytes]:
    """Return the nodes from the leaf up, one more than there are siblings."""
    node, sha256 = leaf_hash, hashlib.sha256
    nodes = [node]
    for sibling in siblings:
        if ways & 1:
            node = sha256(b"\x01" + sibling + node).digest()
        else:
            node = sha256(b"\x01" + node + sibling).digest()
        nodes.append(node)
        ways >>= 1
    return nodes
