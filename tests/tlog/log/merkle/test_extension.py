"""Growth: in whatever steps a tree grew, it is the same tree."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cases import case, in_one_test
from tests.tlog.log.merkle.grown import (
    EDGES,
    TREE,
    frontier,
    joined,
    sampled,
    tile_bytes,
)
from tlog.log.merkle.extension import Extension, extend
from tlog.log.merkle.frontier import EMPTY, Frontier
from tlogverify.hashing import Hash
from tlogverify.ranges import verify_range
from tlogverify.tiles import Tile, tiles_of_size

LEAF = b"\x11" * 32


def grown_in(sizes: list[int]) -> tuple[Frontier, dict[Tile, bytes]]:
    """Grow a tree through `sizes`, checking the root of each."""
    edge, tiles = EMPTY, dict[Tile, bytes]()
    for old, new in pairwise([0, *sizes]):
        extension = extend(edge, joined(old, new))
        assert (old, TREE.root(new)) == (extension.start, extension.root)
        assert not set(tiles) & set(extension.full_tiles)
        edge = extension.frontier
        tiles |= extension.full_tiles
    return edge, tiles


def sides(extension: Extension, start: int, end: int) -> tuple[list[Hash], list[Hash]]:
    """Return a range proof in the oracle's form."""
    left, right = extension.range_proof(start, end)
    return [*left], [*right]


def require_whole(size: int, edge: Frontier, full: dict[Tile, bytes]) -> None:
    """Assert that frontier and full tiles are all tiles of the tree, to the byte."""
    assert (size, TREE.root(size)) == (edge.size, edge.root)
    expected = {tile: tile_bytes(tile) for tile in tiles_of_size(size)}
    assert expected == full | edge.tiles
    assert all(tile.is_full for tile in full)


def test_a_tree_that_grows_by_one_leaf_at_a_time_is_whole_at_every_size() -> None:
    edge, full = EMPTY, dict[Tile, bytes]()
    for size in range(1, 601):
        extension = extend(edge, joined(size - 1, size))
        edge = extension.frontier
        full |= extension.full_tiles
        require_whole(size, edge, full)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=8))
@settings(deadline=None, max_examples=60, database=None)
def test_growth_in_any_steps_gives_the_tiles_of_one_step(steps: list[int]) -> None:
    sizes = [sum(steps[:count]) for count in range(1, len(steps) + 1)]
    edge, full = grown_in(sizes)
    at_once = extend(EMPTY, joined(0, sizes[-1]))
    assert (at_once.frontier, at_once.full_tiles) == (edge, full)
    require_whole(sizes[-1], edge, full)


@in_one_test(
    "sizes",
    [
        *([size] for size in EDGES),
        *([1, size] for size in EDGES),
        *([size - 1, size, size + 1] for size in EDGES),
        [255, 256, 257, 511, 513, 65_279, 65_281, 65_535, 65_536, 65_537],
        [300, 65_536 + 300],
    ],
    ids=str,
)
def test_growth_over_the_edges_of_tiles_is_whole(sizes: list[int]) -> None:
    edge, full = grown_in(sizes)
    require_whole(sizes[-1], edge, full)


@pytest.mark.exhaustive
def test_new_ranges_of_every_small_growth_are_proven() -> None:
    for size in range(1, 25):
        for old in range(size):
            extension = extend(frontier(old), joined(old, size))
            for start in range(old, size):
                for end in range(start + 1, size + 1):
                    expected = TREE.range_proof(start, end, size)
                    assert expected == sides(extension, start, end)


@pytest.mark.exhaustive
def test_new_ranges_at_the_edges_of_tiles_are_proven() -> None:
    for size in EDGES:
        with case(f"size {size}"):
            for old in sampled(size)[::3]:
                extension = extend(frontier(old), joined(old, size))
                for start, end in ((old, size), (old, old + 1), (size - 1, size)):
                    left, right = sides(extension, start, end)
                    assert TREE.range_proof(start, end, size) == (left, right)
                    leaves = TREE.leaves[start:end]
                    verify_range(start, size, leaves, left, right, extension.root)


def test_neighbours_that_share_nodes_are_each_proven() -> None:
    extension = extend(frontier(5), joined(5, 40))
    for start in range(5, 40):
        expected = TREE.range_proof(start, start + 1, 40)
        assert expected == sides(extension, start, start + 1)


@given(st.data())
@settings(deadline=None, max_examples=100, database=None)
def test_new_ranges_of_any_growth_are_proven(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 3_000))
    old = data.draw(st.integers(0, size - 1))
    start = data.draw(st.integers(old, size - 1))
    end = data.draw(st.integers(start + 1, size))
    extension = extend(frontier(old), joined(old, size))
    assert TREE.range_proof(start, end, size) == sides(extension, start, end)


@pytest.mark.parametrize("leaf_hashes", [b"", LEAF[:-1], LEAF + b"x"])
def test_growth_is_by_whole_leaf_hashes(leaf_hashes: bytes) -> None:
    with pytest.raises(ValueError, match="whole leaf hashes"):
        extend(EMPTY, leaf_hashes)


@pytest.mark.parametrize(
    ("start", "end"), [(2, 5), (3, 3), (5, 4), (3, 8), (-1, 4), (7, 7)]
)
def test_only_new_leaves_are_proven(start: int, end: int) -> None:
    extension = extend(frontier(3), joined(3, 7))
    with pytest.raises(ValueError, match="are not leaves of this extension"):
        extension.range_proof(start, end)
