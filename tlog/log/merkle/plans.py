"""Proof plans: which tiles a proof needs, and how they are combined.

A proof is a list of subtrees' hashes.  A plan names the subtrees, cuts each into
complete nodes, and finds the tiles that these lie in.  One read of all of them, and
`finish` has the hashes: no rule of the tree waits for a disk.

Source: RFC 6962, 2.1.1 and 2.1.2; draft-ietf-plants-merkle-tree-certs (subtrees).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tlog import hashing
from tlogverify.hashing import Hash, hash_at
from tlogverify.tiles import TILE_WIDTH, Tile

TileLevels = Sequence[bytes]
"""The hashes of a tile and the complete nodes above them: `hashing.tile_levels`."""


class _Node(NamedTuple):
    """A complete node: the `nth` of those with 2**height leaves."""

    height: int
    nth: int


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """The subtrees of a proof in a tree of `size` leaves, in the proof's order.

    subtrees: intervals [start, end), each cut off by the tree's own splits.
    """

    size: int
    subtrees: tuple[tuple[int, int], ...]

    def tiles(self) -> set[Tile]:
        """Return all tiles that `finish` needs, at the widths that `size` implies."""
        return {
            self._tile(node)
            for start, end in self.subtrees
            for node in _complete_nodes(start, end)
        }

    def finish(self, tiles: Mapping[Tile, TileLevels]) -> list[Hash]:
        """Return the subtrees' hashes; KeyError if a tile is missing."""
        return [self._subtree_hash(start, end, tiles) for start, end in self.subtrees]

    def _subtree_hash(
        self, start: int, end: int, tiles: Mapping[Tile, TileLevels]
    ) -> Hash:
        nodes = list(_complete_nodes(start, end))
        found = self._node_hash(nodes.pop(), tiles)
        # The smallest node is the last: the others close in on it from the left.
        while nodes:
            left = self._node_hash(nodes.pop(), tiles)
            found = hashing.hash_pair(left, found)
        return found

    def _node_hash(self, node: _Node, tiles: Mapping[Tile, TileLevels]) -> Hash:
        level = tiles[self._tile(node)][node.height % 8]
        return hash_at(level, node.nth % (TILE_WIDTH >> node.height % 8))

    def _tile(self, node: _Node) -> Tile:
        level, height = divmod(node.height, 8)
        index = (node.nth << height) // TILE_WIDTH
        width = (self.size >> 8 * level) - index * TILE_WIDTH
        return Tile(level, index, min(width, TILE_WIDTH))


def inclusion_plan(index: int, size: int) -> ProofPlan:
    """Plan the inclusion proof of the leaf at `index`, sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in a tree of {size} leaves")
    left, right = range_plans(index, index + 1, size)
    # Both sides come nearest first, so the larger intervals stand further up.
    both = sorted([*left.subtrees, *right.subtrees], key=lambda it: _rank(index, it))
    return ProofPlan(size, tuple(both))


def range_plans(start: int, end: int, size: int) -> tuple[ProofPlan, ProofPlan]:
    """Plan `left` and `right` of the range proof of the leaves [start, end)."""
    if not 0 <= start < end <= size:
        raise ValueError(f"[{start}, {end}) is no range in a tree of {size} leaves")
    left, right = [], []
    height, total = 0, size
    first, last = start, end
    while total > 1:
        if first % 2:
            left.append((first - 1 << height, first << height))
        if last % 2 and last < total:
            right.append((last << height, min(last + 1 << height, size)))
        first, last, total = first // 2, (last + 1) // 2, (total + 1) // 2
        height += 1
    return ProofPlan(size, tuple(left)), ProofPlan(size, tuple(right))


def consistency_plan(old_size: int, new_size: int) -> ProofPlan:
    """Plan the proof that a tree of `new_size` extends one of `old_size`.

    The plan is empty if the old tree is empty, or if both sizes are the same.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} cannot extend one of {old_size}")
    if old_size in {0, new_size}:
        return ProofPlan(new_size, ())
    subtrees: list[tuple[int, int]] = []
    start, end, is_known = 0, new_size, True
    while old_size != end:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if old_size <= split:
            subtrees.append((split, end))
            end = split
        else:
            subtrees.append((start, split))
            start, is_known = split, False
    if not is_known:
        subtrees.append((start, end))
    return ProofPlan(new_size, tuple(reversed(subtrees)))


def root_plan(size: int) -> ProofPlan:
    """Plan the root of the tree itself; size >= 1."""
    return ProofPlan(size, ((0, size),))


def _rank(index: int, subtree: tuple[int, int]) -> int:
    """Return how far up the way from `index` meets `subtree`."""
    start, end = subtree
    return (index ^ (start if start > index else end - 1)).bit_length()


def _complete_nodes(start: int, end: int) -> Iterator[_Node]:
    """Cut [start, end) into complete nodes, largest first; start is aligned to it."""
    while start < end:
        height = (end - start).bit_length() - 1
        yield _Node(height, start >> height)
        start += 1 << height
