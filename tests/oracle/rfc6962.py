"""The textbook recursions of Merkle trees: the oracle of all other tests.

It shares no code with the project: `hashlib` alone, and the definitions transcribed as
they stand.  It proves and it folds; it is slow, recursive and easy to read beside the
RFC.  Trees are lists of leaf hashes; what is between two of them is remembered by the
list's `Tree`, so that all pairs of a few hundred leaves are affordable.

Source: RFC 6962, 2.1; subtrees: draft-ietf-plants-merkle-tree-certs.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

Path: TypeAlias = list[bytes]
Sides: TypeAlias = tuple[str, ...]

EMPTY_ROOT = hashlib.sha256(b"").digest()

# The eight entries of the Certificate Transparency test suite, and the roots of the
# trees of the first 0 to 8 of them.
CT_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]


def leaf_hash(entry: bytes) -> bytes:
    """Return MTH({entry})."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


_LEAF_HASHES: dict[str, list[bytes]] = {}
"""Those that were asked for, by salt: many files need the same ones."""


def leaf_hashes(count: int, salt: str = "entry") -> list[bytes]:
    """Return `count` leaf hashes, all different."""
    known = _LEAF_HASHES.setdefault(salt, [])
    known += [
        leaf_hash(f"{salt} {index}".encode()) for index in range(len(known), count)
    ]
    return known[:count]


def split(size: int) -> int:
    """Return k, the largest power of two smaller than `size`; size > 1."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


class Tree:
    """One list of leaf hashes; every tree in it is an interval [low, high)."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def mth(self, low: int, high: int) -> bytes:
        """Return MTH(D[low:high])."""
        if low == high:
            return EMPTY_ROOT
        if high - low == 1:
            return self.leaves[low]
        if (low, high) not in self._known:
            middle = low + split(high - low)
            self._known[low, high] = node_hash(
                self.mth(low, middle), self.mth(middle, high)
            )
        return self._known[low, high]

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves."""
        return self.mth(0, size)

    def inclusion_path(self, index: int, size: int) -> Path:
        """Return PATH(index, D[0:size])."""
        return self._path(index, 0, size)

    def consistency_path(self, old_size: int, size: int) -> Path:
        """Return PROOF(old_size, D[0:size]); empty for old_size 0."""
        return self.subtree_path(0, old_size, size) if old_size else []

    def subtree_path(self, start: int, end: int, size: int) -> Path:
        """Return the subtree consistency proof of [start, end) in D[0:size]."""
        return self._subproof(start, end, 0, size, known=True)

    def range_proof(self, start: int, end: int, size: int) -> tuple[Path, Path]:
        """Return what is left and right of [start, end) in D[0:size], nearest first."""
        return self._range(start, end, 0, size)

    def _path(self, index: int, low: int, high: int) -> Path:
        if high - low == 1:
            return []
        middle = low + split(high - low)
        if index < middle:
            return [*self._path(index, low, middle), self.mth(middle, high)]
        return [*self._path(index, middle, high), self.mth(low, middle)]

    def _subproof(
        self, start: int, end: int, low: int, high: int, *, known: bool
    ) -> Path:
        if (start, end) == (low, high):
            return [] if known else [self.mth(low, high)]
        middle = low + split(high - low)
        if end <= middle:
            below = self._subproof(start, end, low, middle, known=known)
            return [*below, self.mth(middle, high)]
        if start >= middle:
            below = self._subproof(start, end, middle, high, known=known)
        else:
            below = self._subproof(middle, end, middle, high, known=False)
        return [*below, self.mth(low, middle)]

    def _range(self, start: int, end: int, low: int, high: int) -> tuple[Path, Path]:
        if (start, end) == (low, high):
            return [], []
        middle = low + split(high - low)
        if end <= middle:
            left, right = self._range(start, end, low, middle)
            return left, [*right, self.mth(middle, high)]
        if start >= middle:
            left, right = self._range(start, end, middle, high)
            return [*left, self.mth(low, middle)], right
        left, _ = self._range(start, middle, low, middle)
        _, right = self._range(middle, end, middle, high)
        return left, right


def root(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of the whole list."""
    return Tree(leaves).root(len(leaves))


def inclusion_path(index: int, leaves: Sequence[bytes]) -> Path:
    """Return PATH(index, leaves)."""
    return Tree(leaves).inclusion_path(index, len(leaves))


def consistency_path(old_size: int, leaves: Sequence[bytes]) -> Path:
    """Return PROOF(old_size, leaves)."""
    return Tree(leaves).consistency_path(old_size, len(leaves))


def subtree_path(start: int, end: int, leaves: Sequence[bytes]) -> Path:
    """Return the subtree consistency proof of [start, end) in `leaves`."""
    return Tree(leaves).subtree_path(start, end, len(leaves))


def range_proof(start: int, end: int, leaves: Sequence[bytes]) -> tuple[Path, Path]:
    """Return the two sides of [start, end) in `leaves`, nearest first."""
    return Tree(leaves).range_proof(start, end, len(leaves))


def is_valid_subtree(start: int, end: int) -> bool:
    """Tell whether `start` is a multiple of BIT_CEIL(end - start); never if empty."""
    if not 0 <= start < end:
        return False
    ceil = 1
    while ceil < end - start:
        ceil *= 2
    return start % ceil == 0


def inclusion_sides(index: int, size: int) -> Sides:
    """Return on which side each hash of PATH(index, D[size]) stands.

    A root binds no size: two places with the same sides have the same proofs.
    """
    if size == 1:
        return ()
    k = split(size)
    if index < k:
        return (*inclusion_sides(index, k), "right")
    return (*inclusion_sides(index - k, size - k), "left")


def subtree_sides(start: int, end: int, size: int, *, known: bool = True) -> Sides:
    """Return on which side each hash of a subtree's proof stands, as in SUBPROOF.

    A side says too whether the hash is a part of the subtree: "inside".
    """
    if (start, end) == (0, size):
        return () if known else ("seed",)
    k = split(size)
    if end <= k:
        return (*subtree_sides(start, end, k, known=known), "right")
    if start >= k:
        return (*subtree_sides(start - k, end - k, size - k, known=known), "left")
    return (*subtree_sides(0, end - k, size - k, known=False), "inside")


def root_from_range(
    start: int,
    size: int,
    leaves: Sequence[bytes],
    left: Sequence[bytes],
    right: Sequence[bytes],
) -> bytes | None:
    """Return the root that a range proof implies, from the top down.

    None if the proof has too few or too many hashes.
    """
    end = start + len(leaves)
    before, after = list(left), list(right)

    def fold(low: int, high: int) -> bytes:
        if high <= start:
            return before.pop()
        if low >= end:
            return after.pop()
        if high - low == 1:
            return leaves[low - start]
        middle = low + split(high - low)
        # What is farthest from the range is met first, and stands last in its list.
        if middle >= end:
            above = fold(middle, high)
            return node_hash(fold(low, middle), above)
        return node_hash(fold(low, middle), fold(middle, high))

    try:
        implied = fold(0, size)
    except IndexError:
        return None
    return None if before or after else implied
