"""A tree knows which tiles it has, and holds those of its right edge."""

import pytest

from tests.tlog.log.merkle.grown import TREE, frontier, tile_bytes
from tlog.log.merkle.tree import Tree
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import to_hash
from tlogverify.tiles import ENTRIES, Tile, bundles_of_size, tiles_of_size


def tree(size: int) -> Tree:
    entries = tuple(b"entry %d" % index for index in range(size - size % 256, size))
    return Tree(frontier(size), to_hash(TREE.root(size)), entries)


def all_tiles(size: int) -> list[Tile]:
    return [*tiles_of_size(size), *bundles_of_size(size)]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 300, 512, 65_537])
def test_a_tree_has_its_tiles_at_every_width_and_no_more(size: int) -> None:
    edge = tree(size)
    assert size == edge.size
    for tile in all_tiles(size):
        for width in (1, tile.width // 2, tile.width - 1, tile.width):
            assert (width > 0) == edge.has(Tile(tile.level, tile.index, width))
        for width in range(tile.width + 1, min(tile.width + 3, 257)):
            assert not edge.has(Tile(tile.level, tile.index, width))
    for level in (ENTRIES, *range(64)):
        count = (size >> 8 * max(level, 0)) // 256
        assert not edge.has(Tile(level, count + 1, 1))
        assert not edge.has(Tile(level, count))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300, 512, 65_537])
def test_its_edge_is_what_lies_in_no_full_tile(size: int) -> None:
    edge = tree(size)
    partial = [tile for tile in all_tiles(size) if not tile.is_full]
    assert set(partial) == set(edge.edge_tiles())
    for tile in all_tiles(size):
        for width in {1, tile.width}:
            part = Tile(tile.level, tile.index, width)
            if tile.is_full:
                assert edge.edge_bytes(part) is None
            elif tile.level == ENTRIES:
                expected = encode_bundle(edge.open_entries[:width])
                assert expected == edge.edge_bytes(part)
            else:
                assert tile_bytes(part) == edge.edge_bytes(part)
