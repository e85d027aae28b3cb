"""Roots and proofs of a tree, out of the roots of its complete subtrees.

PURE: where those come from is the caller's.  Each function asks for the nodes that it
needs, by height and index, and for no other.

Source: RFC 6962, 2.1.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from tlog import hashing
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash
from tlogverify.tiles import TILE_WIDTH, Tile

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

    They are what the log says they are: the caller proves that they lead to a root.
    """

    def node(height: int, index: int) -> Hash:
        tile, first = _tile_of(height, index, size)
        count = 1 << height % 8
        found = tiles[tile][first * HASH_SIZE : (first + count) * HASH_SIZE]
        return Hash(hashing.root(found))

    return node


def _tile_of(height: int, index: int, size: int) -> tuple[Tile, int]:
    """Return a node's tile, and the place of its first hash there."""
    level, rest = divmod(height, 8)
    number, first = divmod(index << rest, TILE_WIDTH)
    width = min((size >> 8 * level) - number * TILE_WIDTH, TILE_WIDTH)
    return Tile(level, number, width), first


def _middle(low: int, high: int) -> int:
    return low + (1 << (high - low - 1).bit_length() - 1)


def _root(nodes: Nodes, low: int, high: int) -> Hash:
    height = (high - low - 1).bit_length()
    if high - low == 1 << height:
        return nodes(height, low >> height)
    middle = _middle(low, high)
    left, right = _root(nodes, low, middle), _root(nodes, middle, high)
    return Hash(hashing.hash_pairs(left + right))
