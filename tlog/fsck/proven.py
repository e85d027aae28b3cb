"""What a head proves of the tiles below it, from the top down.

The right edge of the tree must lead to the head's root; a full tile must lead to its
hash in the tile above.  Where a tile is damaged, the tiles below it, or the bundles,
take its place if they lead there.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from tlog import hashing
from tlog.fsck.files import TileFiles
from tlog.fsck.peaks import Peaks
from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile


class ProvenTiles:
    """The tiles of one head, as far as something that is stored leads to it."""

    def __init__(self, files: TileFiles, head: Checkpoint) -> None:
        self._files = files
        self._head = head
        self._edges: Final[Mapping[int, bytes] | None] = self._find_edges()

    def hashes(self, tile: Tile) -> bytes | None:
        """Return a tile's bytes as the head proves them; None if nothing leads to it.

        tile: of the head's tree, in the width that it has there.
        """
        if not tile.is_full:
            return None if self._edges is None else self._edges[tile.level]
        root = self.root_above(tile)
        if root is None:
            return None
        for found in self._candidates(tile):
            if hashing.subtree_roots(found) == root:
                return found
        return None

    def root_above(self, tile: Tile) -> bytes | None:
        """Return the proven root of a full tile; None if the tile above is not proven.

        It is the tile's hash in the tile above.
        """
        above = self.hashes(self._at(tile.level + 1, tile.index // TILE_WIDTH))
        at = tile.index % TILE_WIDTH * HASH_SIZE
        return None if above is None else above[at : at + HASH_SIZE]

    def leads(self, tile: Tile, found: bytes) -> bool | None:
        """Return whether `found` is what the head proves; None if that is not known."""
        if tile.is_full:
            root = self.root_above(tile)
            return None if root is None else hashing.subtree_roots(found) == root
        return None if self._edges is None else self._edges[tile.level] == found

    def _at(self, level: int, index: int) -> Tile:
        """Return the tile at a place, in the width that it has in the head's tree."""
        width = (self._head.size >> 8 * level) - index * TILE_WIDTH
        return Tile(level, index, min(width, TILE_WIDTH))

    def _find_edges(self) -> Mapping[int, bytes] | None:
        """Return the incomplete tile of each level, if some lead to the root."""
        size = self._head.size
        sizes = [size >> 8 * level for level in range(64) if size >> 8 * level]
        edges = [
            self._at(level, count // TILE_WIDTH)
            for level, count in enumerate(sizes)
            if count % TILE_WIDTH
        ]
        stored = [self._files.hashes(tile) for tile in edges]
        if self._is_root(edges, stored):
            return self._by_level(edges, stored)
        # All of them are read now: a rare cost, of a log that is damaged.
        for found in product(*map(self._candidates, edges)):
            if self._is_root(edges, found):
                return self._by_level(edges, found)
        return None

    def _by_level(
        self, edges: list[Tile], found: Sequence[bytes | None]
    ) -> Mapping[int, bytes]:
        return {
            tile.level: hashes
            for tile, hashes in zip(edges, found, strict=True)
            if hashes is not None
        }

    def _is_root(self, edges: list[Tile], found: Sequence[bytes | None]) -> bool:
        peaks = Peaks()
        for tile, hashes in zip(reversed(edges), reversed(found), strict=True):
            if hashes is None:
                return False
            for node in hashing.split_hashes(hashes):
                peaks.push(8 * tile.level, node)
        return peaks.root() == self._head.root

    def _candidates(self, tile: Tile) -> Iterator[bytes]:
        """Return what a tile's bytes may be: stored, and from what lies below."""
        stored = self._files.hashes(tile)
        if stored is not None:
            yield stored
        if tile.level == 0:
            below = self._files.hashes(Tile(ENTRIES, tile.index, tile.width))
            if below is not None:
                yield below
            return
        for prefers_tiles in (True, False):
            below = self._from_below(tile, prefers_tiles=prefers_tiles)
            if below is not None:
                yield below

    def _from_below(self, tile: Tile, *, prefers_tiles: bool) -> bytes | None:
        """Return a tile's bytes from the full tiles, or bundles, that lie below it."""
        first = tile.index * TILE_WIDTH
        roots = []
        for index in range(first, first + tile.width):
            below = self._below(
                Tile(tile.level - 1, index), prefers_tiles=prefers_tiles
            )
            if below is None:
                return None
            roots.append(hashing.subtree_roots(below))
        return b"".join(roots)

    def _below(self, tile: Tile, *, prefers_tiles: bool) -> bytes | None:
        """Return the bytes of a full tile, from itself first or from bundles alone."""
        stored = self._files.hashes(tile) if prefers_tiles else None
        if stored is not None:
            return stored
        if tile.level == 0:
            return self._files.hashes(Tile(ENTRIES, tile.index))
        return self._from_below(tile, prefers_tiles=prefers_tiles)
