"""Inclusion paths by arithmetic: the same as the oracle's, at every place."""

import pytest

from tests.support.cases import case
from tests.tlog.log.merkle.grown import EDGES, TREE, frontier, levels, sampled
from tlog.log.merkle.paths import TilePlace, edge_nodes, inclusion_path, sibling_tiles
from tlogverify.tiles import Tile


def tiles_of(index: int, size: int) -> dict[TilePlace, list[bytes]]:
    """Return the tiles that a path asks for, at the widths that `size` implies."""
    return {
        (level, nth): levels(
            Tile(level, nth, min(256, (size >> 8 * level) - nth * 256))
        )
        for level, nth in sibling_tiles(index, size)
    }


def path_of(index: int, size: int) -> list[bytes]:
    edge = edge_nodes(frontier(size))
    return list(inclusion_path(index, size, tiles_of(index, size), edge))


@pytest.mark.exhaustive
def test_every_leaf_of_every_small_tree_has_the_oracles_path() -> None:
    for size in range(1, 301):
        edge = edge_nodes(frontier(size))
        for index in range(size):
            path = inclusion_path(index, size, tiles_of(index, size), edge)
            assert TREE.inclusion_path(index, size) == path, f"{index} of {size}"


def test_leaves_at_the_edges_of_tiles_have_the_oracles_path() -> None:
    for size in EDGES:
        with case(f"size {size}"):
            for index in sampled(size):
                assert TREE.inclusion_path(index, size) == path_of(index, size)


def test_a_full_tile_that_was_cut_gives_no_path() -> None:
    tiles = tiles_of(3, 600)
    leaves, *above = tiles[0, 0]
    tiles[0, 0] = [leaves[:-1], *above]
    with pytest.raises(ValueError, match="8191 bytes are no full tile"):
        inclusion_path(3, 600, tiles, edge_nodes(frontier(600)))


def test_an_incomplete_node_is_the_oracles_subtree() -> None:
    for size in (*range(1, 301), *EDGES):
        with case(f"size {size}"):
            for height, node in edge_nodes(frontier(size)).items():
                start = size >> height << height
                assert start < size
                assert TREE.mth(start, size) == node


def test_the_empty_tree_has_no_nodes() -> None:
    assert {} == edge_nodes(frontier(0))


def test_the_largest_tree_asks_for_eight_tiles() -> None:
    found = sibling_tiles(0, 2**63 - 1)
    assert [(level, 0) for level in range(8)] == found
