"""Many proofs of one tree are accepted and refused as each of them alone is."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import rfc6962
from tests.support.cases import case
from tests.tlogverify.refusal import changed_paths, flip, is_refused
from tlogverify.errors import ProofError
from tlogverify.inclusions import Inclusions
from tlogverify.merkle import verify_inclusion

LEAVES = rfc6962.leaf_hashes(65_537)
TREE = rfc6962.Tree(LEAVES)


@pytest.mark.exhaustive
def test_every_leaf_of_every_small_tree_is_proven_after_every_other() -> None:
    for size in range(1, 35):
        with case(f"size {size}"):
            for before in range(size):
                for index in range(size):
                    many = Inclusions(size, TREE.root(size))
                    for it in (before, index, before):
                        many.verify(it, LEAVES[it], TREE.inclusion_path(it, size))


def borders_moved(leaf: bytes, path: list[bytes]) -> list[tuple[bytes, list[bytes]]]:
    """Return proofs that hash the same bytes, parted elsewhere, or that never did."""
    if not path:
        return []
    first, *rest = path
    return [
        (leaf[:-1], [leaf[-1:] + first, *rest]),
        (leaf[1:], [first + leaf[:1], *rest]),
        (leaf + first[:1], [first[1:], *rest]),
        (first[-1:] + leaf, [first[:-1], *rest]),
    ]


@pytest.mark.parametrize("size", [255, 256, 257, 1_000, 65_535, 65_536, 65_537])
def test_leaves_of_larger_trees_are_proven_in_any_order(size: int) -> None:
    many, chance = Inclusions(size, TREE.root(size)), random.Random(size)  # noqa: S311 - a test's own data
    drawn = [0, size - 1, *(chance.randrange(size) for _ in range(200)), size - 1, 0]
    for index in drawn + sorted(drawn):
        many.verify(index, LEAVES[index], TREE.inclusion_path(index, size))


def test_a_proof_with_one_change_is_refused_after_every_other_leaf() -> None:
    for size in (1, 2, 3, 6, 7, 8, 11):
        root = TREE.root(size)
        for before in range(size):
            for index in range(size):
                path, leaf = TREE.inclusion_path(index, size), LEAVES[index]
                many = Inclusions(size, root)
                many.verify(before, LEAVES[before], TREE.inclusion_path(before, size))
                with case(f"size {size}, {index} after {before}"):
                    for what, changed in changed_paths(path):
                        assert is_refused(many.verify, index, leaf, changed), what
                    assert is_refused(many.verify, index, flip(leaf, index), path)
                    assert is_refused(many.verify, index, leaf[:-1], path)
                    for other, moved in borders_moved(leaf, path):
                        assert is_refused(many.verify, index, other, moved)
                    assert is_refused(many.verify, -1, leaf, path)
                    assert is_refused(many.verify, size, leaf, path)
                    # What was refused has changed nothing.
                    many.verify(index, leaf, path)


def test_nothing_is_proven_under_another_root() -> None:
    for size in (1, 2, 7, 8):
        for index in range(size):
            many = Inclusions(size, flip(TREE.root(size), index))
            path = TREE.inclusion_path(index, size)
            assert is_refused(many.verify, index, LEAVES[index], path)
            assert is_refused(many.verify, index, LEAVES[index], path)


@pytest.mark.exhaustive
@given(st.data())
def test_whatever_the_proof_the_verdict_is_that_of_one_proof(
    data: st.DataObject,
) -> None:
    size = data.draw(st.integers(1, 70))
    root = TREE.root(size)
    hashes = st.sampled_from([it for pair in pairwise(LEAVES[:9]) for it in pair])
    many = Inclusions(size, root)
    for _ in range(data.draw(st.integers(1, 6))):
        index = data.draw(st.integers(0, size - 1))
        path = list(TREE.inclusion_path(index, size))
        if path and data.draw(st.sampled_from([True, False])):
            path[data.draw(st.integers(0, len(path) - 1))] = data.draw(hashes)
        claimed = data.draw(st.sampled_from([index, index ^ 1, 0]))
        leaf = data.draw(st.sampled_from([LEAVES[index], LEAVES[claimed]]))
        try:
            verify_inclusion(claimed, size, leaf, path, root)
        except ProofError:
            assert is_refused(many.verify, claimed, leaf, path)
        else:
            many.verify(claimed, leaf, path)


def test_a_path_that_its_owner_changes_afterwards_changes_nothing() -> None:
    many = Inclusions(8, TREE.root(8))
    path = list(TREE.inclusion_path(2, 8))
    for index in (2, 3, 4, 6):
        path[:] = TREE.inclusion_path(index, 8)
        many.verify(index, LEAVES[index], path)
        path[:] = [LEAVES[0], LEAVES[1], LEAVES[2]]
        assert is_refused(many.verify, index + 1, LEAVES[index + 1], path)


def test_an_error_within_a_proof_does_not_mix_two_leaves() -> None:
    """The last leaf's nodes must not be taken for those of the leaf that failed."""
    paths = [list(TREE.inclusion_path(index, 8)) for index in range(8)]
    for failed in range(3, 8):
        for index in range(failed + 1, 8):
            for other in range(index):
                many = Inclusions(8, TREE.root(8))
                many.verify(2, LEAVES[2], paths[2])
                wrong: list[object] = [*paths[failed][:2], "text"]
                with pytest.raises(TypeError):
                    many.verify(failed, LEAVES[failed], wrong)  # type: ignore[arg-type]
                with case(f"{index} after {failed}, by the proof of {other}"):
                    assert is_refused(many.verify, index, LEAVES[other], paths[other])
