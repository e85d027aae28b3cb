"""Proof plans against the oracle: which tiles, and what comes of them."""

import pytest

from tests.support.cases import case
from tests.tlog.log.merkle.grown import EDGES, TREE, fetched, sampled
from tlog.log.merkle.plans import (
    ProofPlan,
    consistency_plan,
    inclusion_plan,
    range_plans,
    root_plan,
)


def finished(plan: ProofPlan) -> list[bytes]:
    return list(plan.finish(fetched(plan.tiles())))


@pytest.mark.exhaustive
def test_every_leaf_of_every_small_tree_is_proven() -> None:
    for size in range(1, 301):
        for index in range(size):
            plan = inclusion_plan(index, size)
            assert TREE.inclusion_path(index, size) == finished(plan), plan


@pytest.mark.exhaustive
def test_every_small_tree_is_consistent_with_every_older_one() -> None:
    for size in range(1, 301):
        for old in range(size + 1):
            plan = consistency_plan(old, size)
            assert TREE.consistency_path(old, size) == finished(plan), plan


def test_leaves_at_the_edges_of_tiles_are_proven() -> None:
    for size in EDGES:
        with case(f"size {size}"):
            for index in sampled(size):
                plan = inclusion_plan(index, size)
                assert TREE.inclusion_path(index, size) == finished(plan)


def test_trees_at_the_edges_of_tiles_are_consistent() -> None:
    for size in EDGES:
        with case(f"size {size}"):
            for old in [*sampled(size), size]:
                plan = consistency_plan(old, size)
                assert TREE.consistency_path(old, size) == finished(plan)


def test_the_root_of_every_tree_follows_from_its_tiles() -> None:
    for size in (*range(1, 301), *EDGES):
        assert [TREE.root(size)] == finished(root_plan(size)), f"size {size}"


@pytest.mark.exhaustive
def test_every_range_of_every_small_tree_is_proven() -> None:
    for size in range(1, 41):
        for end in range(1, size + 1):
            for start in range(end):
                left, right = range_plans(start, end, size)
                expected = TREE.range_proof(start, end, size)
                assert expected == (finished(left), finished(right))


def test_ranges_at_the_edges_of_tiles_are_proven() -> None:
    for size in EDGES:
        with case(f"size {size}"):
            marks = sampled(size)
            for start in marks[::3]:
                for end in [*marks[::2], size]:
                    if start < end:
                        left, right = range_plans(start, end, size)
                        expected = TREE.range_proof(start, end, size)
                        assert expected == (finished(left), finished(right))


def test_a_plan_asks_for_tiles_that_the_tree_has_and_for_few() -> None:
    for size in (1, 7, 256, 300, 65_537):
        with case(f"size {size}"):
            for index in sampled(size):
                tiles = inclusion_plan(index, size).tiles()
                assert all(0 < it.width <= 256 for it in tiles)
                assert all(
                    (it.index * 256 + it.width) * 256**it.level <= size for it in tiles
                )
                # A level has at most the leaf's own tile and the one at the right edge.
                assert len(tiles) <= 2 * ((size.bit_length() + 7) // 8)


def test_the_largest_tree_has_a_plan() -> None:
    size = 2**63 - 1
    for index in (0, size // 2, size - 1):
        plan = inclusion_plan(index, size)
        assert len(plan.subtrees) <= 63
        assert max(tile.level for tile in plan.tiles()) == 7


def test_a_missing_tile_is_a_key_error() -> None:
    plan = inclusion_plan(3, 300)
    tiles = fetched(plan.tiles())
    for tile in list(tiles):
        with pytest.raises(KeyError):
            plan.finish({it: tiles[it] for it in tiles if it != tile})


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 4)])
def test_a_leaf_outside_of_the_tree_has_no_plan(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="is not in a tree of"):
        inclusion_plan(index, size)


@pytest.mark.parametrize(("old", "new"), [(1, 0), (-1, 3), (5, 4)])
def test_a_tree_extends_no_larger_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="cannot extend"):
        consistency_plan(old, new)


@pytest.mark.parametrize(
    ("start", "end", "size"), [(0, 0, 1), (1, 1, 2), (2, 1, 2), (-1, 1, 2), (0, 3, 2)]
)
def test_an_impossible_range_has_no_plan(start: int, end: int, size: int) -> None:
    with pytest.raises(ValueError, match="is no range"):
        range_plans(start, end, size)
