"""The right edge: root and peaks of every size, and back from its tiles."""

import pytest

from tests.oracle.rfc6962 import EMPTY_ROOT
from tests.support.cases import case
from tests.tlog.log.merkle.grown import EDGES, TREE, frontier, tile_bytes
from tlog.log.merkle.frontier import (
    EMPTY,
    Frontier,
    edge_tiles,
    edge_widths,
    frontier_from_tiles,
)
from tlogverify.tiles import Tile, tiles_of_size

SIZES = [*range(1, 301), *EDGES]


def test_the_empty_tree_has_the_empty_root_and_no_edge() -> None:
    assert EMPTY_ROOT == EMPTY.root
    assert ([], {}, []) == (EMPTY.peaks(), EMPTY.tiles, edge_tiles(0))


def test_root_and_peaks_are_the_oracles() -> None:
    for size in SIZES:
        with case(f"size {size}"):
            edge = frontier(size)
            peaks, end = [], size
            while end:
                # The lowest set bit is the smallest complete subtree, at the right.
                start = end & (end - 1)
                peaks.append(TREE.mth(start, end))
                end = start
            assert TREE.root(size) == edge.root
            assert peaks == edge.peaks()


def test_the_edge_is_the_incomplete_tiles_and_follows_from_them() -> None:
    for size in SIZES:
        with case(f"size {size}"):
            incomplete = {
                it: tile_bytes(it) for it in tiles_of_size(size) if not it.is_full
            }
            assert incomplete == frontier(size).tiles
            assert frontier(size) == frontier_from_tiles(size, incomplete)
            widths = [tile.width for tile in edge_tiles(size)]
            assert edge_widths(size) == widths
            assert {tile for tile in edge_tiles(size) if tile.width} == set(incomplete)


def test_a_frontier_has_the_edges_of_its_size() -> None:
    for edges in ((), (b"",), (b"x" * 31,), (b"x" * 64,), (b"x" * 32, b"")):
        with pytest.raises(ValueError, match="not the edges of 1 leaves"):
            Frontier(1, edges)


def test_a_missing_tile_is_a_key_error() -> None:
    tiles = {tile: tile_bytes(tile) for tile in edge_tiles(300)}
    for tile in list(tiles):
        with pytest.raises(KeyError):
            frontier_from_tiles(300, {it: tiles[it] for it in tiles if it != tile})


def test_a_tile_of_another_length_is_a_value_error() -> None:
    tiles = {tile: tile_bytes(tile) for tile in edge_tiles(300)}
    for tile, content in tiles.items():
        for wrong in (b"", content[:-1], content + content):
            with pytest.raises(ValueError, match="not the edges of 300 leaves"):
                frontier_from_tiles(300, {**tiles, tile: wrong})


def test_the_largest_size_has_eight_levels() -> None:
    assert [255] * 7 + [127] == edge_widths(2**63 - 1)
    assert Tile(7, 0, 127) == edge_tiles(2**63 - 1)[-1]
