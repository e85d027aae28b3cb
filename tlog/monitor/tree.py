"""Roots and proofs of a tree, out of the roots of its complete subtrees.

PURE: where the subtrees' roots come from is the caller's matter.  Each function asks
for the nodes that it needs, by height and index, and for no others.

Source: RFC 6962, 2.1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from tlog import hashing
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash
from tlogverify.tiles import TILE_WIDTH, Tile


class TilePlace(NamedTuple):
    """Where a hash tile stands, whatever its width is: `Tile.level`, `Tile.index`."""

    level: int
    number: int


Nodes: TypeAlias = Callable[[int, int], Hash]
"""From height and index to the root of 2**height leaves, from index << height on."""


def tree_root(nodes: Nodes, size: int) -> Hash:
    """Return the root of the first `size` leaves."""
    return _root(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_path(nodes: Nodes, index: int, size: int) -> tuple[Hash, ...]:
    """Return the inclusion proof of a leaf, its sibling first; 0 <= index < size."""
    low, high = 0, size
    path: list[Hash] = []
    while high - low > 1:
        middle = _middle(low, high)
        if index < middle:
            path.append(_root(nodes, middle, high))
            high = middle
        else:
            path.append(_root(nodes, low, middle))
            low = middle
    return tuple(reversed(path))


def consistency_path(nodes: Nodes, old_size: int, size: int) -> tuple[Hash, ...]:
    """Return the consistency proof between two sizes; 0 < old_size <= size."""
    low, high = 0, size
    path: list[Hash] = []
    while high != old_size:
        middle = _middle(low, high)
        if old_size <= middle:
            path.append(_root(nodes, middle, high))
            high = middle
        else:
            path.append(_root(nodes, low, middle))
            low = middle
    if low:
        path.append(_root(nodes, low, high))
    return tuple(reversed(path))


def consistency_tiles(old_size: int, size: int) -> list[Tile]:
    """Return the hash tiles of a tree that show what it was at `old_size`."""
    asked: set[Tile] = set()

    def record(height: int, index: int) -> Hash:
        asked.add(_tile_of(height, index, size)[0])
        return EMPTY_ROOT

    tree_root(record, old_size)
    consistency_path(record, old_size, size)
    return sorted(asked, key=lambda tile: (tile.level, tile.index))


def nodes_of_tiles(tiles: Mapping[Tile, bytes], size: int) -> Nodes:
    """Return the nodes that hash tiles of a tree of `size` hold.

    The log says that they are; the caller proves that they lead to a root.
    """

    def node(height: int, index: int) -> Hash:
        tile, first = _tile_of(height, index, size)
        count = 1 << height % 8
        found = tiles[tile][first * HASH_SIZE : (first + count) * HASH_SIZE]
        return hashing.root(found)

    return node


def tile_at(size: int, level: int, index: int) -> Tile:
    """Return the hash tile at one place of a tree, as wide as it is at `size`."""
    return Tile(level, index, min((size >> 8 * level) - index * TILE_WIDTH, TILE_WIDTH))


def tiles_from(size: int, start: TilePlace, count: int) -> tuple[list[Tile], TilePlace]:
    """Return the next `count` hash tiles of a tree, and the place behind them.

    The order is that of `tlogverify.tiles.tiles_of_size`, from `start` on and then from
    the beginning.  No tile comes twice, so a small tree has fewer than `count`.
    """
    levels = range((size.bit_length() + 7) // 8)
    counts = [-(-(size >> 8 * level) // TILE_WIDTH) for level in levels]
    total = sum(counts)
    if total == 0:
        return [], TilePlace(0, 0)
    at = sum(counts[: start.level]) + start.number
    places = [
        _nth_place(counts, (at + nth) % total) for nth in range(min(count, total) + 1)
    ]
    return [tile_at(size, *place) for place in places[:-1]], places[-1]


def _nth_place(counts: Sequence[int], nth: int) -> TilePlace:
    """Return the place of the nth tile, if each level has so many as `counts` says."""
    for level, count in enumerate(counts):
        if nth < count:
            return TilePlace(level, nth)
        nth -= count
    raise ValueError(f"there are not so many tiles: {nth} more")


def _tile_of(height: int, index: int, size: int) -> tuple[Tile, int]:
    """Return a node's tile, and the place of its first hash there."""
    level, rest = divmod(height, 8)
    number, first = divmod(index << rest, TILE_WIDTH)
    return tile_at(size, level, number), first


def _middle(low: int, high: int) -> int:
    return low + (1 << (high - low - 1).bit_length() - 1)


def _root(nodes: Nodes, low: int, high: int) -> Hash:
    height = (high - low - 1).bit_length()
    if high - low == 1 << height:
        return nodes(height, low >> height)
    middle = _middle(low, high)
    left, right = _root(nodes, low, middle), _root(nodes, middle, high)
    return hashing.hash_pair(left, right)
