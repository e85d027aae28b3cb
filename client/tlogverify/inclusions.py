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
from tlogverify.merkle import verify_inclusion


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
        siblings, shared = list(path), self._shared(index, len(path))
        if shared is None:
            # The first proof, a leaf once more, or a proof of no valid shape.
            verify_inclusion(index, self._size, leaf_hash, siblings, self._root)
            self._index, self._path = index, siblings
            self._nodes = self._hashed(index, leaf_hash, siblings)
            return
        here, there = len(siblings) - shared - 1, len(self._path) - shared - 1
        nodes = self._hashed(index, leaf_hash, siblings[:here])
        if (
            nodes[here] != self._path[there]
            or siblings[here] != self._nodes[there]
            or siblings[here + 1 :] != self._path[there + 1 :]
        ):
            raise ProofError("the inclusion proof does not lead to the root")
        self._index, self._path = index, siblings
        self._nodes = nodes + self._nodes[there + 1 :]

    def _shared(self, index: int, length: int) -> int | None:
        """Return how many siblings this leaf shares with the last, above their meeting.

        None: the path is not known to have the length that it must have, or there is
        no other leaf before this one.
        """
        if self._index in {-1, index} or not 0 <= index < self._size:
            return None
        inner = (index ^ (self._size - 1)).bit_length()
        if length != inner + (index >> inner).bit_count():
            return None
        meeting = (index ^ self._index).bit_length()
        return max(inner - meeting, 0) + (index >> max(inner, meeting)).bit_count()

    def _hashed(
        self, index: int, leaf_hash: bytes, siblings: list[bytes]
    ) -> list[bytes]:
        """Return the nodes from the leaf up, one more than there are siblings."""
        if any(len(it) != HASH_SIZE for it in (leaf_hash, *siblings)):
            raise ProofError(f"every hash of a proof has {HASH_SIZE} bytes")
        inner = (index ^ (self._size - 1)).bit_length()
        ways, nodes, sha256 = index | (-1 << inner), [leaf_hash], hashlib.sha256
        for sibling in siblings:
            pair = sibling + nodes[-1] if ways & 1 else nodes[-1] + sibling
            nodes.append(sha256(b"\x01" + pair).digest())
            ways >>= 1
        return nodes
