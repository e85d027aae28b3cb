"""The hashing interface on `hashlib`, for every machine."""

import hashlib
from collections.abc import Sequence

from tlog.hashing.shapes import (
    Buffer,
    count_hashes,
    count_pairs,
    count_tiles,
    flat,
    growth_widths,
    tile_width,
)
from tlogverify.bundles import parse_bundle
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash, to_hash


class PlainBackend:
    """One call of `hashlib` for each leaf and node."""

    name = "hashlib"
    threads = 1

    def hash_leaves(self, entries: Sequence[Buffer]) -> bytes:
        """Return the leaf hashes of `entries`, joined."""
        sha256 = hashlib.sha256
        return b"".join([sha256(b"\x00" + entry).digest() for entry in entries])

    def bundle_leaf_hashes(self, bundle: Buffer, width: int) -> bytes:
        """Return the leaf hashes of a bundle of `width` entries, joined."""
        return self.hash_leaves(parse_bundle(bytes(flat(bundle)), width))

    def hash_pairs(self, nodes: Buffer) -> bytes:
        """Return the parents of n x 2 hashes, joined."""
        nodes = flat(nodes)
        count = count_pairs(len(nodes))
        sha256 = hashlib.sha256
        return b"".join(
            [
                sha256(b"\x01" + nodes[at : at + 64]).digest()
                for at in range(0, 64 * count, 64)
            ]
        )

    def hash_pair(self, left: Hash, right: Hash) -> Hash:
        """Return the parent of two hashes."""
        return Hash(hashlib.sha256(b"\x01" + left + right).digest())

    def subtree_roots(self, hashes: Buffer) -> bytes:
        """Return the roots of whole tiles, joined."""
        level = flat(hashes)
        count_tiles(len(level))
        for _ in range(8):
            level = self.hash_pairs(level)
        return bytes(level)

    def tile_levels(self, hashes: Buffer) -> list[bytes]:
        """Return the complete nodes above up to 256 hashes, bottom up, themselves."""
        tile_width(len(flat(hashes)))
        levels = [bytes(hashes)]
        while len(levels[-1]) >= 2 * HASH_SIZE:
            below = levels[-1]
            levels.append(self.hash_pairs(below[: len(below) // 64 * 64]))
        return levels

    def growth_levels(
        self, start: int, peaks: bytes, leaf_hashes: bytes
    ) -> list[bytes]:
        """Return all levels of a growth, bottom up, the root last."""
        levels: list[bytes] = []
        nodes = leaf_hashes
        for width in growth_widths(start, len(peaks), len(leaf_hashes)):
            if width * HASH_SIZE > len(nodes):
                # Where the way up meets an older neighbour, it is a peak: the old size
                # has its bit set exactly there.
                peak, peaks = peaks[:HASH_SIZE], peaks[HASH_SIZE:]
                nodes = peak + nodes
            levels.append(nodes)
            nodes = self._parents(nodes)
        return levels

    def root(self, hashes: Buffer) -> Hash:
        """Return the root over n hashes."""
        level = flat(hashes)
        if count_hashes(len(level)) == 0:
            return EMPTY_ROOT
        nodes = bytes(level)
        while len(nodes) > HASH_SIZE:
            nodes = self._parents(nodes)
        return to_hash(nodes)

    def _parents(self, nodes: bytes) -> bytes:
        """Return the level above; a node without a sibling goes up as it is."""
        paired = len(nodes) // 64 * 64
        return self.hash_pairs(nodes[:paired]) + nodes[paired:]
