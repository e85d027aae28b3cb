"""The right edge of a tree: its incomplete tiles, one for each tile level.

The root, the peaks (roots of the complete subtrees that cover the tree, one for each
set bit of its size) and every larger tree follow from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tlog import hashing
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash, hash_at, to_hash
from tlogverify.tiles import TILE_WIDTH, Tile


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree of `size` leaves.

    edges: for each tile level that has a hash, those of its incomplete tile, joined:
    0 to 255 of them.
    """

    size: int
    edges: tuple[bytes, ...]

    def __post_init__(self) -> None:
        expected = [width * HASH_SIZE for width in edge_widths(self.size)]
        if [len(edge) for edge in self.edges] != expected:
            raise ValueError(f"these are not the edges of {self.size} leaves")

    @property
    def root(self) -> Hash:
        """The root of the tree."""
        incomplete = b""
        for edge in self.edges:
            # The nodes that fill no tile below are the last, incomplete node of this
            # level.
            if nodes := edge + incomplete:
                incomplete = hashing.root(nodes)
        return to_hash(incomplete) if incomplete else EMPTY_ROOT

    @property
    def tiles(self) -> dict[Tile, bytes]:
        """The incomplete hash tiles."""
        return {
            tile: edge
            for tile, edge in zip(edge_tiles(self.size), self.edges, strict=True)
            if edge
        }

    def peaks(self) -> list[Hash]:
        """Return the roots of the complete subtrees, smallest first.

        This is the `left` side of a proof of the leaves from `size` on.
        """
        return [
            hash_at(nodes, len(nodes) // HASH_SIZE - 1)
            for edge in self.edges
            for height, nodes in enumerate(hashing.tile_levels(edge))
            # The last complete node of a height has no sibling: nothing covers it.
            if len(edge) // HASH_SIZE >> height & 1
        ]


def edge_widths(size: int) -> list[int]:
    """Return the width of the incomplete tile of each level, 0 where there is none."""
    levels = (size.bit_length() + 7) // 8
    return [(size >> 8 * level) % TILE_WIDTH for level in range(levels)]


def edge_tiles(size: int) -> list[Tile]:
    """Return the place of the incomplete tile of each level, width 0 without one."""
    return [
        Tile(level, size >> 8 * (level + 1), width)
        for level, width in enumerate(edge_widths(size))
    ]


def frontier_from_tiles(size: int, tiles: Mapping[Tile, bytes]) -> Frontier:
    """Return the frontier whose incomplete tiles are `tiles`.

    Raises KeyError if one is missing, ValueError if one has another length.
    """
    edges = (tiles[tile] if tile.width else b"" for tile in edge_tiles(size))
    return Frontier(size, tuple(edges))


EMPTY: Final = Frontier(0, ())
"""The frontier of the tree without leaves."""
