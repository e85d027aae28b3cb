"""Inclusion paths by arithmetic: the same as the oracle's, at every place."""

import pytest

from tests.support.cases import case
from tests.tlog.log.merkle.grown import EDGES, TREE, frontier, levels, sampled
from tlog.log.merkle.frontier import Frontier, edge_widths
from tlog.log.merkle.paths import (
    Paths,
    TilePlace,
    Within,
    edge_nodes,
    nodes_of,
    siblings_among,
    siblings_in_full_tile,
)
from tlogverify.hashing import Hash
from tlogverify.tiles import Tile


def tiles_below(size: int) -> Within:
    """Return what has the full tiles of a tree, and none that is not full."""

    def within(place: TilePlace, nth: int) -> list[Hash]:
        level, index = place
        assert (index + 1) * 256 <= size >> 8 * level, f"{place} is not full"
        return siblings_in_full_tile(levels(Tile(level, index)), nth)

    return within


def paths(size: int) -> Paths:
    return Paths(frontier(size))


@pytest.mark.exhaustive
def test_every_leaf_of_every_small_tree_has_the_oracles_path() -> None:
    for size in range(1, 301):
        of, tile = paths(size), tiles_below(size)
        for index in range(size):
            path = of.path(index, tile)
            assert TREE.inclusion_path(index, size) == path, f"{index} of {size}"


def test_leaves_at_the_edges_of_tiles_have_the_oracles_path() -> None:
    for size in EDGES:
        with case(f"size {size}"):
            of = paths(size)
            # The second time, the paths beside the edge are remembered.
            for index in 2 * sampled(size):
                path = of.path(index, tiles_below(size))
                assert TREE.inclusion_path(index, size) == path


def test_a_full_tile_that_was_cut_has_no_siblings() -> None:
    leaves, *above = levels(Tile(0, 0))
    with pytest.raises(ValueError, match="8191 bytes are no full tile"):
        siblings_in_full_tile([leaves[:-1], *above], 3)


@pytest.mark.parametrize("missing", [(0, 5), (1, 0)])
def test_a_tile_that_is_not_there_yet_gives_no_path(missing: TilePlace) -> None:
    of, tile = paths(65_537), tiles_below(65_537)
    index = 5 * 256 + 7

    def without(*places: TilePlace) -> Within:
        return lambda it, nth: None if it in places else tile(it, nth)

    assert of.path(index, without(missing)) is None
    assert TREE.inclusion_path(index, 65_537) == of.path(index, tile)


def test_a_path_that_was_given_is_its_askers() -> None:
    """Whoever changes it changes no other."""
    of, tile = paths(65_537), tiles_below(65_537)
    for index in (5, 300, 65_536):
        for _ in range(2):
            path = of.path(index, tile)
            assert TREE.inclusion_path(index, 65_537) == path
            path.clear()


def test_what_stands_beside_the_edge_is_computed_once() -> None:
    of, tile = paths(65_537), tiles_below(65_537)
    for index in (5, 300, 65_536):
        of.path(index, tile)
    assert [(2, 0)] == list(of._known)
    of._known[2, 0] = []
    assert TREE.inclusion_path(5, 65_537)[:-1] == of.path(5, tile)


def test_the_nodes_of_a_tile_have_the_siblings_of_each_hash() -> None:
    for place in (Tile(0, 3), Tile(1, 0)):
        of = levels(place)
        nodes = nodes_of(of)
        assert 510 == len(nodes)
        for nth in range(256):
            found = siblings_among(nodes, nth)
            assert siblings_in_full_tile(of, nth) == list(found)


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
    """Seven are full, and the eighth is the edge, which the tree itself has."""
    size = 2**63 - 1
    largest = Frontier(size, tuple(bytes(32 * it) for it in edge_widths(size)))
    asked: list[TilePlace] = []

    def within(place: TilePlace, nth: int) -> list[Hash]:
        asked.append(place)
        return siblings_in_full_tile(levels(Tile(0, 0)), nth)

    path = Paths(largest).path(0, within)
    assert [(level, 0) for level in range(7)] == sorted(asked)
    assert path is not None
    assert 63 == len(path)
