"""Inclusion and consistency of Merkle trees.

Each `verify_*` returns None or raises ProofError; there is no verdict to ignore.
Hashes are 32 bytes, sizes count leaves, indexes start at 0.  No number is trusted: each
is checked against its bounds before a hash is computed.

Source: RFC 6962, 2.1.1 and 2.1.2; subtrees: draft-ietf-plants-merkle-tree-certs.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from tlogverify.errors import ProofError
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash, node_hash
from tlogverify.lines import MAX_SIZE

MAX_PATH: Final = 63
"""The most hashes that a proof in a tree of up to 2**63 - 1 leaves can have."""


def root_from_inclusion_proof(
    index: int, size: int, leaf_hash: bytes, path: Sequence[bytes]
) -> Hash:
    """Return the root that `path` implies for the leaf at `index`.

    path: sibling hashes from the leaf up (RFC 6962, 2.1.1).

    Raises ProofError unless 0 <= index < size and `path` has the one length that
    they allow.  Trusting the root is the caller's: see `verify_inclusion`.
    """
    ways = ways_up(index, size, len(path))
    require_hashes(leaf_hash, *path)
    return Hash(_root(ways, leaf_hash, path))


def verify_inclusion(
    index: int, size: int, leaf_hash: bytes, path: Sequence[bytes], root: bytes
) -> None:
    """Prove that the leaf at `index` of the tree (size, root) has `leaf_hash`.

    Raises ProofError if it is not proven.
    """
    ways = ways_up(index, size, len(path))
    # A node is the hash of 65 bytes, 32 of them the node below it.  So no sibling of
    # another length leads to the root, unless the leaf's hash has another length too.
    if len(leaf_hash) != HASH_SIZE or _root(ways, leaf_hash, path) != root:
        require_hashes(leaf_hash, *path)
        raise ProofError("the inclusion proof does not lead to the root")


def ways_up(index: int, size: int, length: int) -> int:
    """Return where the siblings stand: bit 0 is the first one's, 1 is on the left.

    Raises ProofError if there is no such leaf, or no path of this length from it.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(f"index {index} is not in a tree of {size} leaves")
    # Below `inner` the path still meets the right edge's way down from the root;
    # above it every sibling is a full tree on the left.
    inner = (index ^ (size - 1)).bit_length()
    expected = inner + (index >> inner).bit_count()
    if length != expected:
        raise ProofError(f"an inclusion proof of {expected} hashes has {length}")
    # The `inner` lowest bits are the index's.  Above them all are 1, because a level
    # whose bit of the index is 0 has no sibling there, and is left out of the path.
    #
    #     the leaf at 4 of 7 leaves      index 100,  inner 2,  path e f g
    #            root                    -1 << inner  …11100
    #          /      \                ways         …11100
    #         g        o                     e: 0, on the right
    #                /   \                   f: 0, on the right
    #               o     f                  g: 1, on the left
    #             [4] e
    return index | (-1 << inner)


def _root(ways: int, leaf_hash: bytes, path: Sequence[bytes]) -> bytes:
    root, sha256 = leaf_hash, hashlib.sha256
    # Written out, since a call for each node would take a quarter more time.
    for sibling in path:
        if ways & 1:
            root = sha256(b"\x01" + sibling + root).digest()
        else:
            root = sha256(b"\x01" + root + sibling).digest()
        ways >>= 1
    return root


def verify_consistency(
    old_size: int,
    new_size: int,
    path: Sequence[bytes],
    old_root: bytes,
    new_root: bytes,
) -> None:
    """Prove that the tree (new_size, new_root) extends (old_size, old_root).

    Every tree extends the empty one, by an empty path (C2SP tlog-witness).
    Raises ProofError if it is not proven.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ProofError(f"a tree of {new_size} cannot extend one of {old_size}")
    if old_size > 0:
        verify_subtree_consistency(0, old_size, new_size, path, old_root, new_root)
        return
    if path:
        raise ProofError("a consistency proof from the empty tree has no hashes")
    if old_root != EMPTY_ROOT:
        raise ProofError("the empty tree has another root")
    require_hashes(new_root)
    if new_size == 0 and new_root != EMPTY_ROOT:
        raise ProofError("the empty tree has another root")


def is_valid_subtree(start: int, end: int) -> bool:
    """Tell whether [start, end) can be a subtree: aligned to its own size.

    The empty interval is not valid (drafts -03 to -05).
    """
    if not 0 <= start < end <= MAX_SIZE:
        return False
    ceil = 1 << (end - start - 1).bit_length()
    return start % ceil == 0


def verify_subtree_consistency(
    start: int,
    end: int,
    size: int,
    path: Sequence[bytes],
    subtree_hash: bytes,
    root: bytes,
) -> None:
    """Prove that leaves [start, end) of the tree (size, root) have `subtree_hash`.

    With start 0 this is the consistency proof of RFC 6962, with end = start + 1 its
    inclusion proof.

    Raises ProofError if it is not proven, or [start, end) is not a valid subtree.
    Source: draft-ietf-plants-merkle-tree-certs, subtree consistency proofs.
    """
    if not is_valid_subtree(start, end) or not end <= size <= MAX_SIZE:
        raise ProofError(f"[{start}, {end}) is no subtree of a tree of {size} leaves")
    if len(path) > MAX_PATH + 1:
        raise ProofError(f"a consistency proof has at most {MAX_PATH + 1} hashes")
    require_hashes(subtree_hash, root, *path)
    if roots_from_subtree_proof(start, end, size, path, subtree_hash) != (
        subtree_hash,
        root,
    ):
        raise ProofError("the consistency proof does not lead to the roots")


def roots_from_subtree_proof(
    start: int, end: int, size: int, path: Sequence[bytes], subtree_hash: bytes
) -> tuple[bytes, bytes]:
    """Return the subtree's hash and the tree's root that `path` implies.

    [start, end): a valid subtree of the tree of `size` leaves; path: at most 64 hashes
    of 32 bytes.  subtree_hash: only begun from where the proof itself leaves it out.

    Raises ProofError if the path's length is wrong.  Trusting either hash is the
    caller's: see `verify_subtree_consistency`.
    """
    first, last, top = start, end - 1, size - 1
    # Go up to where the subtree's last leaf ends a whole left child, or to its root:
    # below that, the verifier knows the hash already.
    while first != last and (last == top or last % 2 == 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    siblings = iter(path)
    if first == last:
        subtree = tree = subtree_hash
    else:
        seed = next(siblings, None)
        if seed is None:
            raise ProofError("the consistency proof is too short")
        subtree = tree = seed
    for sibling in siblings:
        if top == 0:
            raise ProofError("the consistency proof is too long")
        if last % 2 == 1 or last == top:
            if first < last:
                subtree = node_hash(sibling, subtree)
            tree = node_hash(sibling, tree)
            while last % 2 == 0:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            tree = node_hash(tree, sibling)
        first, last, top = first >> 1, last >> 1, top >> 1
    if top != 0:
        raise ProofError("the consistency proof is too short")
    return subtree, tree


def require_hashes(*hashes: bytes) -> None:
    """Raise ProofError unless each has the length of a hash."""
    if set(map(len, hashes)) != {HASH_SIZE}:
        raise ProofError(f"every hash of a proof has {HASH_SIZE} bytes")
