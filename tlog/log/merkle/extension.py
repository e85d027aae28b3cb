"""One growth of a tree: from a frontier and new leaves to the next frontier.

Every node above the new leaves is hashed once, and all of them in one call.  The root,
the tiles that became full, and the proofs of the new leaves come from these levels.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from tlog import hashing
from tlog.log.merkle.frontier import Frontier
from tlogverify.hashing import HASH_SIZE, Hash, hash_at, to_hash
from tlogverify.tiles import FULL_TILE_BYTES, TILE_WIDTH, Tile

Sides = tuple[tuple[Hash, ...], tuple[Hash, ...]]
"""`left` and `right` of a range proof."""


class _Level(NamedTuple):
    """The known nodes of one level, joined: those from `first` on, of `total`."""

    first: int
    total: int
    nodes: bytes


@dataclass(frozen=True, slots=True)
class Extension:
    """A grown tree.

    start, peaks: the size and the peaks before.  frontier: the edge after.
    full_tiles: the hash tiles that became full.  root: of the grown tree.
    """

    start: int
    peaks: list[Hash]
    frontier: Frontier
    full_tiles: dict[Tile, bytes]
    root: Hash
    levels: tuple[_Level, ...]
    # Neighbours share the upper part of their proofs: of a batch of single leaves each
    # node is met about once for each leaf, and not once for each leaf and height.
    _above: dict[tuple[int, int, int], Sides] = field(
        default_factory=dict, compare=False, repr=False
    )

    def range_proof(self, start: int, end: int) -> Sides:
        """Return the proof of the new leaves [start, end) against the grown tree.

        start >= the size before.  Source: `tlogverify.ranges`.
        """
        if not self.start <= start < end <= self.frontier.size:
            raise ValueError(f"[{start}, {end}) are not leaves of this extension")
        return self._sides(0, start, end)

    def _sides(self, height: int, start: int, end: int) -> Sides:
        """Return what the proof of nodes [start, end) of a height has from there up."""
        if height == len(self.levels) - 1:
            return (), ()
        above = height + 1, start // 2, (end + 1) // 2
        found = self._above.get(above)
        if found is None:
            found = self._above[above] = self._sides(*above)
        left, right = found
        first, total, nodes = self.levels[height]
        if start % 2:
            left = (hash_at(nodes, start - 1 - first), *left)
        if end % 2 and end < total:
            right = (hash_at(nodes, end - first), *right)
        return left, right


def extend(frontier: Frontier, leaf_hashes: bytes) -> Extension:
    """Let the tree grow by `leaf_hashes`: one or more hashes, joined."""
    if not leaf_hashes or len(leaf_hashes) % HASH_SIZE:
        raise ValueError("an extension has one or more whole leaf hashes")
    size = frontier.size + len(leaf_hashes) // HASH_SIZE
    peaks = frontier.peaks()
    grown = hashing.growth_levels(frontier.size, b"".join(peaks), leaf_hashes)
    # The nodes of a level are known from an even index on, so that the first has its
    # sibling.  With the incomplete one a level has size / 2**height nodes, rounded up.
    levels = tuple(
        _Level(frontier.size >> height & ~1, -(-size >> height), nodes)
        for height, nodes in enumerate(grown)
    )
    edges: list[bytes] = []
    full_tiles: dict[Tile, bytes] = {}
    for tile_level in range((size.bit_length() + 7) // 8):
        old_edge = b"".join(frontier.edges[tile_level : tile_level + 1])
        nodes = old_edge + _new_nodes(levels, 8 * tile_level, frontier.size, size)
        whole = len(nodes) // FULL_TILE_BYTES * FULL_TILE_BYTES
        first = (frontier.size >> 8 * tile_level) // TILE_WIDTH
        for at in range(0, whole, FULL_TILE_BYTES):
            tile = Tile(tile_level, first + at // FULL_TILE_BYTES)
            full_tiles[tile] = nodes[at : at + FULL_TILE_BYTES]
        edges.append(nodes[whole:])
    return Extension(
        start=frontier.size,
        peaks=peaks,
        frontier=Frontier(size, tuple(edges)),
        full_tiles=full_tiles,
        root=to_hash(levels[-1].nodes),
        levels=levels,
    )


def _new_nodes(
    levels: tuple[_Level, ...], height: int, old_size: int, new_size: int
) -> bytes:
    """Return the complete nodes, 2**height leaves each, that the old tree had not."""
    level = levels[height]
    start, end = old_size >> height, new_size >> height
    return level.nodes[
        (start - level.first) * HASH_SIZE : (end - level.first) * HASH_SIZE
    ]
