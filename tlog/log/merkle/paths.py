"""Inclusion paths by arithmetic: a few tiles, and slices of each.

They serve the newest tree, whose incomplete nodes are computed once for all of its
proofs.  A path costs 7 us where its plan costs 60 (build machine); `plans` serves older
trees.  All siblings of a leaf at heights 8L to 8L + 7 lie in one tile of level L, and
what a path has above a tile is the same for all leaves below that tile.  The one
sibling that may be incomplete is the right edge of its height: `edge_nodes` has it.

Source: RFC 6962, 2.1.1.
"""

from collections.abc import Callable
from typing import Final, Self, cast

from tlog import hashing
from tlog.log.merkle.frontier import Frontier
from tlog.log.merkle.plans import TileLevels
from tlogverify.hashing import HASH_SIZE, Hash, hash_at
from tlogverify.tiles import FULL_TILE_BYTES, TILE_WIDTH

_SIBLINGS: Final = [
    [
        slice((nth >> height ^ 1) * HASH_SIZE, ((nth >> height ^ 1) + 1) * HASH_SIZE)
        for height in range(TILE_WIDTH.bit_length() - 1)
    ]
    for nth in range(TILE_WIDTH)
]
"""Where in each level of a full tile the siblings of its nth hash stand."""

_FORGOTTEN: Final = 8
"""Tiles; a path has at most seven that are full."""

TilePlace = tuple[int, int]
"""A tile's level and index."""

Within = Callable[[TilePlace, int], list[Hash] | None]
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
    """The inclusion paths of one tree.

    frontier: the tree's right edge.  remembered: of how many tiles it keeps what paths
    have above them.  older: those of another tree, which are asked no more; what
    they remember is given up bit by bit.  For use from any thread.
    """

    def __init__(
        self, frontier: Frontier, remembered: int, older: Self | None = None
    ) -> None:
        self._size = frontier.size
        self._edge_tiles = {
            (tile.level, tile.index): hashing.tile_levels(content)
            for tile, content in frontier.tiles.items()
        }
        self._edge_nodes = edge_nodes(frontier)
        self._remembered = remembered
        # Tuples of bytes are nothing that the garbage collector looks at again.
        self._above: dict[TilePlace, tuple[Hash, ...]] = {}
        self._older = older

    def path(self, index: int, within: Within) -> list[Hash] | None:
        """Return the inclusion proof of a leaf, sibling first.

        index < the tree's size.  within: is asked for full tiles; if it returns None,
        so does this.
        """
        older = self._older
        # All at once would keep an event loop: 9 ms of 10 million entries.
        if older is not None and not older._forget_some():
            self._older = older._older
        return self._from(0, index, within)

    def _forget_some(self) -> bool:
        """Forget of a few tiles what is above them; return whether more are left.

        They are more than a path can add, so that all of them go.
        """
        for _ in range(_FORGOTTEN):
            try:
                self._above.popitem()
            except KeyError:
                return False
        return True

    def _from(self, level: int, nth: int, within: Within) -> list[Hash] | None:
        """Return the path of the nth hash of all the tiles of a level."""
        at = nth // TILE_WIDTH
        if (at + 1) * TILE_WIDTH > self._size >> 8 * level:
            return self._beside_the_edge(level, nth)
        place = level, at
        above = self._above.get(place)
        if above is None:
            found = self._from(level + 1, at, within)
            if found is None:
                return None
            above = tuple(found)
            # Those that came first stay: to forget costs more than it saves.
            if len(self._above) < self._remembered:
                self._above[place] = above
        siblings = within(place, nth % TILE_WIDTH)
        return None if siblings is None else [*siblings, *above]

    def _beside_the_edge(self, level: int, nth: int) -> list[Hash]:
        """Return the path from a tile that is not full; there is none above that is."""
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
