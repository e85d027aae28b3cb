"""Inclusion paths by arithmetic: a few tiles, and slices of each.

They serve the newest tree, whose incomplete nodes are computed once for all of its
proofs.  A path costs 7 us where its plan costs 60 (build machine); `plans` serves older
trees.  All siblings of a leaf at heights 8L to 8L + 7 lie in one tile of level L.  The
one sibling that may be incomplete is the right edge of its height: `edge_nodes` has it.

Source: RFC 6962, 2.1.1.
"""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from tlog import hashing
from tlog.log.merkle.frontier import Frontier
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

TilePlace = tuple[int, int]
"""A tile's level and index."""


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


def sibling_tiles(index: int, size: int) -> list[TilePlace]:
    """Return the tiles that hold the complete siblings of a leaf, bottom up."""
    return [
        (level, index >> 8 * (level + 1))
        for level in range((size.bit_length() + 7) // 8)
        if (index >> 8 * (level + 1)) * TILE_WIDTH < size >> 8 * level
    ]


def inclusion_path(
    index: int,
    size: int,
    tiles: Mapping[TilePlace, Sequence[bytes]],
    edge: Mapping[int, Hash],
) -> list[Hash]:
    """Return the inclusion proof of a leaf, sibling first."""
    path: list[Hash] = []
    start = 0
    # A tile that is not full has none above it that is.
    while (index >> start + 8) + 1 << 8 <= size >> start:
        levels = tiles[start >> 3, index >> start + 8]
        path += siblings_in_full_tile(levels, index >> start & TILE_WIDTH - 1)
        start += 8
    levels = ()
    for height in range(start, (size - 1).bit_length()):
        within = height & 7
        if within == 0:
            levels = tiles.get((height >> 3, index >> height + 8), ())
        nth, complete = index >> height ^ 1, size >> height
        if nth < complete:
            # A full tile has TILE_WIDTH >> within nodes of this height.
            path.append(hash_at(levels[within], nth & (TILE_WIDTH - 1 >> within)))
        elif nth == complete and height in edge:
            path.append(edge[height])
    return path


def siblings_in_full_tile(levels: Sequence[bytes], nth: int) -> list[Hash]:
    """Return the eight siblings on the way from a full tile's nth hash to its root.

    levels: as `hashing.tile_levels` has them; ValueError if the tile is not full.
    """
    if len(levels[0]) != FULL_TILE_BYTES:
        raise ValueError(f"{len(levels[0])} bytes are no full tile")
    places = zip(levels, _SIBLINGS[nth], strict=False)
    return cast(list[Hash], [level[place] for level, place in places])
