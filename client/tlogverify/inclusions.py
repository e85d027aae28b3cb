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

from tlogverify.hashing import HASH_SIZE
from tlogverify.merkle import verify_inclusion, ways_up


class Inclusions:
    """Verifies inclusion proofs in the tree (size, root), one after the other.

    It accepts and refuses what `tlogverify.merkle.verify_inclusion` does, in any order.
    Proofs in ascending order of their indexes share; another one is hashed whole.
    """

    def __init__(self, size: int, root: bytes) -> None:
        self._size = size
        self._root = root
        # The last leaf, -1 for none; its path; the nodes on its way: `_nodes[k]` is
        # hashed of k siblings.
        self._index = -1
        self._path: list[bytes] = []
        self._nodes: list[bytes] = []

    def verify(self, index: int, leaf_hash: bytes, path: Sequence[bytes]) -> None:
        """Prove that the leaf at `index` has `leaf_hash`.

        path: sibling hashes from the leaf up.  Raises ProofError if it is not proven.
        """
        siblings = path if isinstance(path, list) else list(path)
        last, top = self._index, self._size - 1
        # Nothing is remembered until the proof is proven.
        self._index = -1
        own = (index ^ last).bit_length() - 1
        # To the right of the last leaf, and up to the meeting not on the right edge's
        # way: so both leaves' ways have a sibling on every level.
        if 0 <= last < index <= top and (index ^ top) >> own:
            known, nodes = self._path, self._nodes
            mine = _hashed(index, leaf_hash, below := siblings[:own])
            is_met = mine[-1] == known[own]
            # What the path must be: its own siblings, the last leaf's node, the rest.
            # All that was there before is one object, which is quickly compared.
            below.append(nodes[own])
            known[: own + 1], nodes[: own + 1] = below, mine
            # No sibling of another length leads to a node that is known, unless the
            # leaf's hash has another length too: see verify_inclusion.
            if is_met and known == siblings and len(leaf_hash) == HASH_SIZE:
                self._index = index
                return
        # The whole proof decides, and its error says what is wrong.
        verify_inclusion(index, self._size, leaf_hash, siblings, self._root)
        ways = ways_up(index, self._size, len(siblings))
        self._nodes = _hashed(ways, leaf_hash, siblings)
        self._index, self._path = index, siblings.copy()


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
