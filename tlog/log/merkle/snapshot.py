"""One state of the log, as readers see it: a signed head and its tree's right edge.

A snapshot never changes; the newest one is swapped in as a whole, so that every proof
of an answer refers to the one head in that answer.
"""

from dataclasses import dataclass

from tlog.log.merkle.frontier import Frontier
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import HASH_SIZE, Hash
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A signed head, and what of its tree lies in no full tile.

    note: the checkpoint with the log's signatures.  open_entries: those of the
    incomplete bundle, 0 to 255.
    """

    note: bytes
    root: Hash
    frontier: Frontier
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
            place = Tile(ENTRIES, self.size // TILE_WIDTH, width)
            tiles[place] = encode_bundle(self.open_entries)
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
