"""Trees for the tests of this folder: leaves, the oracle over them, and its tiles."""

from collections.abc import Iterable
from functools import cache

from tests.oracle import rfc6962
from tlog import hashing
from tlog.log.merkle.extension import extend
from tlog.log.merkle.frontier import EMPTY, Frontier
from tlogverify.tiles import Tile

LEAVES = rfc6962.leaf_hashes(65_537 + 300)
TREE = rfc6962.Tree(LEAVES)

EDGES = [255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537]
"""Where tiles become full, and where a third level begins."""


def sampled(size: int) -> list[int]:
    """Return the indexes below `size` that lie at an edge of something."""
    marks = {0, size - 1, *(size >> 1 << 0, size // 3)}
    for power in (1, 2, 128, 255, 256, 257, 65_280, 65_535, 65_536):
        marks |= {power - 1, power, power + 1, size - power}
    return sorted(index for index in marks if 0 <= index < size)


def joined(start: int, end: int) -> bytes:
    """Return the leaf hashes [start, end), joined."""
    return b"".join(LEAVES[start:end])


@cache
def tile_bytes(tile: Tile) -> bytes:
    """Return a hash tile, as the oracle computes it."""
    span = 256**tile.level
    first = tile.index * 256
    return b"".join(
        TREE.mth(nth * span, (nth + 1) * span)
        for nth in range(first, first + tile.width)
    )


@cache
def levels(tile: Tile) -> list[bytes]:
    """Return a tile with the complete nodes above it."""
    return hashing.tile_levels(tile_bytes(tile))


def fetched(tiles: Iterable[Tile]) -> dict[Tile, list[bytes]]:
    """Return tiles as a reader would."""
    return {tile: levels(tile) for tile in tiles}


@cache
def frontier(size: int) -> Frontier:
    """Return the frontier of the first `size` leaves, grown in one step."""
    return extend(EMPTY, joined(0, size)).frontier if size else EMPTY
