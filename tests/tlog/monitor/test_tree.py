"""Roots and proofs out of nodes and tiles, against the textbook's."""

import pytest

from tests.oracle import rfc6962
from tests.support.cases import in_one_test
from tlog.monitor.tree import (
    consistency_path,
    consistency_tiles,
    inclusion_path,
    nodes_of_tiles,
    tree_root,
)
from tlogverify.hashing import Hash
from tlogverify.tiles import Tile, tiles_of_size

LARGE = [255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000]
LEAVES = rfc6962.leaf_hashes(LARGE[-1])
TREE = rfc6962.Tree(LEAVES)


def node(height: int, index: int) -> Hash:
    """Return a complete subtree's root, from the oracle."""
    return Hash(TREE.mth(index << height, index + 1 << height))


def tile_of(tile: Tile) -> bytes:
    """Return a tile's bytes, from the oracle."""
    first = tile.index * 256
    height = 8 * tile.level
    return b"".join(node(height, first + nth) for nth in range(tile.width))


@in_one_test("size", [*range(41), *LARGE])
def test_roots_are_the_textbooks(size: int) -> None:
    assert TREE.root(size) == tree_root(node, size)


@in_one_test("size", range(1, 41))
def test_all_paths_of_small_trees_are_the_textbooks(size: int) -> None:
    for index in range(size):
        expected = TREE.inclusion_path(index, size)
        assert expected == list(inclusion_path(node, index, size))
    for old in range(1, size + 1):
        expected = TREE.consistency_path(old, size)
        assert expected == list(consistency_path(node, old, size))


@pytest.mark.parametrize("size", LARGE)
def test_paths_at_the_edges_are_the_textbooks(size: int) -> None:
    for index in {0, 1, 254, size // 2, size - 2, size - 1}:
        expected = TREE.inclusion_path(index, size)
        assert expected == list(inclusion_path(node, index, size))


@in_one_test("size", LARGE)
@in_one_test("old", [1, 2, 255, *LARGE])
def test_tiles_prove_what_the_tree_was(old: int, size: int) -> None:
    if old > size:
        return
    wanted = consistency_tiles(old, size)
    assert set(wanted) <= set(tiles_of_size(size))
    nodes = nodes_of_tiles({tile: tile_of(tile) for tile in wanted}, size)
    assert TREE.root(old) == tree_root(nodes, old)
    expected = TREE.consistency_path(old, size)
    assert expected == list(consistency_path(nodes, old, size))
