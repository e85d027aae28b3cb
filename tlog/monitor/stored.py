"""The tree of the stored entries: full bundles, and one incomplete bundle."""

from typing import Final

from tlog import hashing
from tlog.monitor.bundles import ReadableBundles
from tlog.monitor.tree import consistency_path, inclusion_path, tree_root
from tlogverify.bundles import parse_bundle
from tlogverify.hashing import HASH_SIZE, Hash
from tlogverify.tiles import TILE_WIDTH, Tile

_BUNDLE_HEIGHT: Final = 8


class StoredTree:
    """A tree of `size` leaves, and all trees that it has grown from.

    edge: the incomplete bundle behind the stored ones that count for this size.
    """

    def __init__(self, bundles: ReadableBundles, edge: bytes, size: int) -> None:
        self._bundles = bundles
        self._count, width = divmod(size, TILE_WIDTH)
        self._edge = hashing.bundle_leaf_hashes(edge, width) if width else b""
        self._edge_bundle = edge
        self.size = size
        self._leaves: dict[int, bytes] = {}

    def root(self, size: int) -> Hash:
        """Return the root at `size`."""
        return tree_root(self._node, size)

    def inclusion_path(self, index: int, size: int) -> tuple[Hash, ...]:
        """Return the inclusion proof of an entry."""
        return inclusion_path(self._node, index, size)

    def consistency_path(self, old_size: int, size: int) -> tuple[Hash, ...]:
        """Return the consistency proof between two sizes; 0 < old_size <= size."""
        return consistency_path(self._node, old_size, size)

    def entry(self, index: int) -> bytes:
        """Return one entry."""
        number, place = divmod(index, TILE_WIDTH)
        if number < self._count:
            bundle, width = self._bundles.read(number, number + 1)[0], TILE_WIDTH
        else:
            bundle, width = self._edge_bundle, self.size % TILE_WIDTH
        return parse_bundle(bundle, width)[place]

    def tile(self, tile: Tile) -> bytes:
        """Return the bytes of one hash tile of this tree."""
        if tile.level == 0:
            return self._leaf_hashes(tile.index)[: tile.width * HASH_SIZE]
        first = tile.index * TILE_WIDTH
        numbers = range(first, first + tile.width)
        return b"".join(self._node(8 * tile.level, number) for number in numbers)

    def _node(self, height: int, index: int) -> Hash:
        if height >= _BUNDLE_HEIGHT:
            count = 1 << height - _BUNDLE_HEIGHT
            first = index * count
            return hashing.root(self._bundles.roots(first, first + count))
        first = index << height
        number, place = divmod(first, TILE_WIDTH)
        leaves = self._leaf_hashes(number)
        start, end = place * HASH_SIZE, (place + (1 << height)) * HASH_SIZE
        return hashing.root(leaves[start:end])

    def _leaf_hashes(self, number: int) -> bytes:
        if number == self._count:
            return self._edge
        if number not in self._leaves:
            # A proof needs one or two bundles, and those of the last proof are kept.
            if len(self._leaves) > 1:
                self._leaves.clear()
            (bundle,) = self._bundles.read(number, number + 1)
            self._leaves[number] = hashing.bundle_leaf_hashes(bundle, TILE_WIDTH)
        return self._leaves[number]
