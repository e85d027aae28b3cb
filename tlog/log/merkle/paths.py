"""Inclusion paths by arithmetic: a few tiles, and slices of each.

They serve the newest tree, whose incomplete nodes are computed once for all of its
proofs.  A path costs 6 us where its plan costs 60 (build machine); `plans` serves older
trees.  All siblings of a leaf at heights 8L to 8L + 7 lie in one tile of level L.  The
one sibling that may be incomplete is the right edge of its height: `edge_nodes` has it.

A tile above the leaves is in the paths of 65,536 of them or more, so that its nodes are
best cut once, for all these paths to share: 7 MB of ten million entries.

Source: RFC 6962, 2.1.1.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Final, cast

from tlog import hashing
from tlog.log.merkle.frontier import Frontier
from tlog.log.merkle.plans import TileLevels
from tlogverify.hashing import HASH_SIZE, Hash, hash_at, split_hashes
from tlogverify.tiles import FULL_TILE_BYTES, TILE_WIDTH

_HEIGHTS: Final = range(TILE_WIDTH.bit_length() - 1)

_SIBLINGS: Final = [
    [
        slice((nth >> height ^ 1) * HASH_SIZE, ((nth >> height ^ 1) + 1) * HASH_SIZE)
        for height in _HEIGHTS
    ]
    for nth in range(TILE_WIDTH)
]
"""Where in each level of a full tile the siblings of its nth hash stand."""

_AMONG_NODES: Final = [
    itemgetter(
        *(
            2 * TILE_WIDTH - (2 * TILE_WIDTH >> height) + (nth >> height ^ 1)
            for height in _HEIGHTS
        )
    )
    for nth in range(TILE_WIDTH)
]
"""Takes the same from all of a tile's nodes: those of a height begin behind the lower
ones, which are 256 + 128 + ..."""

TilePlace = tuple[int, int]
"""A tile's level and index."""

Nodes = tuple[Hash, ...]
"""The hashes of a full tile and all nodes above them but the root: 510."""

Within = Callable[[TilePlace, int], Sequence[Hash] | None]
"""Returns the eight siblings of a full tile's nth hash, lowest first, or None."""


def edge_nodes(frontier: Frontier) -> dict[int, Hash]:
    """Return the incomplete node of each height, for those heights that have one.

    That of height h covers the leaves from size >> h << h on.
    """
    nodes: dict[int, Hash] = {}
    peaks = iter(frontier.peaks())
    node: Hash | None = None
    for height in range(frontier.size.bit_length()):
        if node is not None:
            nodes[height] = node
        if frontier.size >> height & 1:
            peak = next(peaks)
            node = peak if node is None else hashing.hash_pair(peak, node)
    return nodes


class Paths:
    """The inclusion paths of one tree; for use from any thread.

    frontier: the tree's right edge.
    """

    def __init__(self, frontier: Frontier) -> None:
        self._size = frontier.size
        self._edge_tiles = {
            (tile.level, tile.index): hashing.tile_levels(content)
            for tile, content in frontier.tiles.items()
        }
        self._edge_nodes = edge_nodes(frontier)
        # At most 255 of each level above that of the leaves.
        self._known: dict[TilePlace, list[Hash]] = {}

    def path(self, index: int, within: Within) -> list[Hash] | None:
        """Return the inclusion proof of a leaf, sibling first.

        index < the tree's size.  within: is asked for full tiles; if it returns None,
        so does this.
        """
        path: list[Hash] = []
        level, nth, size = 0, index, self._size
        # As long as the hash lies in a full tile.
        while nth < size & -TILE_WIDTH:
            siblings = within((level, nth // TILE_WIDTH), nth % TILE_WIDTH)
            if siblings is None:
                return None
            path += siblings
            level, nth, size = level + 1, nth // TILE_WIDTH, size // TILE_WIDTH
        return path + self._from_the_edge(level, nth)

    def _from_the_edge(self, level: int, nth: int) -> list[Hash]:
        """Return the path of the nth hash of a level, whose tile is not full."""
        if level == 0:
            return self._beside_the_edge(level, nth)
        known = self._known.get((level, nth))
        if known is None:
            known = self._known[level, nth] = self._beside_the_edge(level, nth)
        return known

    def _beside_the_edge(self, level: int, nth: int) -> list[Hash]:
        """Compute the same; there is no full tile above one that is not."""
        path: list[Hash] = []
        size = self._size >> 8 * level
        levels: TileLevels = ()
        for height in range((self._size - 1).bit_length() - 8 * level):
            within = height & 7
            if within == 0:
                place = level + (height >> 3), nth >> height + 8
                levels = self._edge_tiles.get(place, ())
            sibling, complete = nth >> height ^ 1, size >> height
            if sibling < complete:
                # A full tile has TILE_WIDTH >> within nodes of this height.
                last = TILE_WIDTH - 1 >> within
                path.append(hash_at(levels[within], sibling & last))
            elif sibling == complete and 8 * level + height in self._edge_nodes:
                path.append(self._edge_nodes[8 * level + height])
        return path


def siblings_in_full_tile(levels: TileLevels, nth: int) -> list[Hash]:
    """Return the eight siblings on the way from a full tile's nth hash to its root.

    levels: as `hashing.tile_levels` has them; ValueError if the tile is not full.
    """
    if len(levels[0]) != FULL_TILE_BYTES:
        raise ValueError(f"{len(levels[0])} bytes are no full tile")
    places = zip(levels, _SIBLINGS[nth], strict=False)
    return cast(list[Hash], [level[place] for level, place in places])


def nodes_of(levels: TileLevels) -> Nodes:
    """Return the nodes of a full tile, for `siblings_among`.

    levels: of a tile that `siblings_in_full_tile` has taken.
    """
    below_root = levels[: len(_HEIGHTS)]
    return tuple(chain.from_iterable(map(split_hashes, below_root)))


def siblings_among(nodes: Nodes, nth: int) -> Nodes:
    """Return the same as `siblings_in_full_tile`: nodes that all such paths share."""
    return cast(Nodes, _AMONG_NODES[nth](nodes))
