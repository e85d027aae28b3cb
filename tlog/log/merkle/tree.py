"""The part of a tree that lies in no full tile: hashes, and the last entries.

The root, the incomplete tiles, and every larger tree that this one grows into follow
from this part.  The rest of the tree is in tiles that never change.
"""

from dataclasses import dataclass
from typing import Final

from tlog.log.merkle.frontier import EMPTY, Frontier
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile


@dataclass(frozen=True, slots=True)
class Tree:
    """The right edge of a tree.

    root: of the whole tree.  open_entries: those of the incomplete bundle, 0 to 255.
    """

    frontier: Frontier
    root: Hash
    open_entries: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self.frontier.size

    def edge_tiles(self) -> dict[Tile, bytes]:
        """Return the incomplete tiles and the incomplete bundle."""
        tiles = self.frontier.tiles
        if self.open_entries:
            width = len(self.open_entries)
            bundle = Tile(ENTRIES, self.size // TILE_WIDTH, width)
            tiles[bundle] = encode_bundle(self.open_entries)
        return tiles

    def has(self, tile: Tile) -> bool:
        """Whether this tree has that tile, at that width or a larger one."""
        if tile.level > 7:
            return False
        hashes = self.size >> 8 * max(tile.level, 0)
        return 0 < tile.width <= hashes - tile.index * TILE_WIDTH

    def edge_bytes(self, tile: Tile) -> bytes | None:
        """Return a tile of the right edge, or None if a full one has its place."""
        if self.has(tile.full):
            return None
        if tile.level == ENTRIES:
            return encode_bundle(self.open_entries[: tile.width])
        return self.frontier.edges[tile.level][: tile.width * HASH_SIZE]


EMPTY_TREE: Final = Tree(EMPTY, EMPTY_ROOT, ())
"""The tree without leaves."""
