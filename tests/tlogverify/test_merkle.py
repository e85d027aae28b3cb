from functools import partial

import pytest

from tests.oracle import rfc6962
from tests.support.cases import case
from tests.tlogverify.refusal import changed_paths, flip, is_refused
from tlogverify.errors import ProofError
from tlogverify.hashing import EMPTY_ROOT
from tlogverify.lines import MAX_SIZE
from tlogverify.merkle import (
    is_valid_subtree,
    root_from_inclusion_proof,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
)

SMALL = 40
EDGES = [255, 256, 257]
LEAVES = rfc6962.leaf_hashes(65_537)
TREE = rfc6962.Tree(LEAVES)
HUGE = [65_535, 65_536, 65_537]
HUGE_PLACES = [0, 1, 2, 255, 256, 257, 32_767, 32_768, 65_533, 65_534, 65_535, 65_536]


def _indexes(size: int) -> list[int]:
    picked = {0, 1, 127, 128, 129, 253, 254, 255, 256}
    return [index for index in range(size) if size <= SMALL or index in picked]


# Inclusion


@pytest.mark.exhaustive
def test_every_leaf_of_a_tree_is_proven() -> None:
    for size in range(1, 301):
        with case(f"size {size}"):
            for index in range(size):
                path = TREE.inclusion_path(index, size)
                verify_inclusion(index, size, LEAVES[index], path, TREE.root(size))


def test_leaves_at_the_edges_of_tiles_are_proven() -> None:
    for size in HUGE:
        with case(f"size {size}"):
            for index in (index for index in HUGE_PLACES if index < size):
                path = TREE.inclusion_path(index, size)
                verify = partial(verify_inclusion, index, size, LEAVES[index])
                verify(path, TREE.root(size))
                for what, changed in changed_paths(path):
                    assert is_refused(verify, changed, TREE.root(size)), what


def test_an_inclusion_proof_with_one_change_is_refused() -> None:
    for size in (*range(1, SMALL + 1), *EDGES):
        with case(f"size {size}"):
            for index in _indexes(size):
                leaf, root = LEAVES[index], TREE.root(size)
                path = TREE.inclusion_path(index, size)
                verify = partial(verify_inclusion, index, size)
                for what, changed in changed_paths(path):
                    assert is_refused(verify, leaf, changed, root), what
                assert is_refused(verify, flip(leaf, index), path, root)
                assert is_refused(verify, leaf[:-1], path, root)
                assert is_refused(verify, leaf, path, flip(root, index))
                assert is_refused(verify, leaf, path, root[:-1])
                assert is_refused(verify, leaf, path, TREE.root(size + 1))


def test_a_proof_for_another_index_is_refused() -> None:
    for size in (*range(1, SMALL + 1), *EDGES):
        with case(f"size {size}"):
            for index in _indexes(size):
                path, root = TREE.inclusion_path(index, size), TREE.root(size)
                for other in range(-2, size + 2):
                    arguments = (other, size, LEAVES[index], path, root)
                    assert is_refused(verify_inclusion, *arguments) == (other != index)


@pytest.mark.exhaustive
def test_a_proof_for_another_size_is_refused_where_its_shape_differs() -> None:
    for size in (*range(1, SMALL + 1), *EDGES):
        with case(f"size {size}"):
            # A root does not bind its size: the signature of the checkpoint does.
            for index in _indexes(size):
                path, root = TREE.inclusion_path(index, size), TREE.root(size)
                sides = rfc6962.inclusion_sides(index, size)
                for other in range(-1, size + 20):
                    same = (
                        index < other and rfc6962.inclusion_sides(index, other) == sides
                    )
                    arguments = (index, other, LEAVES[index], path, root)
                    assert is_refused(verify_inclusion, *arguments) == (not same)


def test_a_node_cannot_pass_for_a_leaf() -> None:
    path, root = [TREE.mth(2, 4)], TREE.root(4)
    verify_inclusion(0, 2, TREE.mth(0, 2), path, root)
    with pytest.raises(ProofError):
        verify_inclusion(0, 2, rfc6962.leaf_hash(LEAVES[0] + LEAVES[1]), path, root)


@pytest.mark.parametrize("moved", [-1, 1])
def test_a_byte_that_moves_between_neighbours_is_refused(moved: int) -> None:
    # The node's hash is of the same 64 bytes: only the lengths tell.
    both, cut = LEAVES[0] + LEAVES[1], 32 + moved
    with pytest.raises(ProofError, match="has 32 bytes"):
        verify_inclusion(0, 2, both[:cut], [both[cut:]], TREE.root(2))
    with pytest.raises(ProofError, match="has 32 bytes"):
        verify_consistency(1, 2, [both[cut:]], both[:cut], TREE.root(2))


@pytest.mark.parametrize(
    ("index", "size"),
    [(0, 0), (-1, 1), (1, 1), (0, -1), (0, MAX_SIZE + 1), (MAX_SIZE, MAX_SIZE)],
)
def test_no_leaf_stands_outside_its_tree(index: int, size: int) -> None:
    with pytest.raises(ProofError, match="is not in a tree"):
        root_from_inclusion_proof(index, size, LEAVES[0], [])


def test_the_largest_tree_has_paths_of_63_hashes() -> None:
    path = [bytes([level]) * 32 for level in range(63)]
    expected = LEAVES[0]
    for sibling in path:
        expected = rfc6962.node_hash(expected, sibling)
    assert expected == root_from_inclusion_proof(0, MAX_SIZE, LEAVES[0], path)
    with pytest.raises(ProofError, match="of 63 hashes has 64"):
        root_from_inclusion_proof(0, MAX_SIZE, LEAVES[0], [*path, path[0]])


# Consistency


@pytest.mark.exhaustive
def test_every_tree_extends_each_smaller_one() -> None:
    for size in range(1, 301):
        with case(f"size {size}"):
            for old_size in range(1, size + 1):
                path = TREE.consistency_path(old_size, size)
                verify_consistency(
                    old_size, size, path, TREE.root(old_size), TREE.root(size)
                )


def test_trees_extend_others_at_the_edges_of_tiles() -> None:
    for size in HUGE:
        with case(f"size {size}"):
            for old_size in (place for place in HUGE_PLACES if 0 < place <= size):
                path = TREE.consistency_path(old_size, size)
                old_root, root = TREE.root(old_size), TREE.root(size)
                verify_consistency(old_size, size, path, old_root, root)
                for what, changed in changed_paths(path):
                    arguments = (old_size, size, changed, old_root, root)
                    assert is_refused(verify_consistency, *arguments), what


def test_a_consistency_proof_with_one_change_is_refused() -> None:
    for size in (*range(1, SMALL + 1), *EDGES):
        with case(f"size {size}"):
            for old_size in (index + 1 for index in _indexes(size)):
                old_root, root = TREE.root(old_size), TREE.root(size)
                path = TREE.consistency_path(old_size, size)
                verify = partial(verify_consistency, old_size, size)
                for what, changed in changed_paths(path):
                    assert is_refused(verify, changed, old_root, root), what
                assert is_refused(verify, path, flip(old_root, old_size), root)
                assert is_refused(verify, path, old_root, flip(root, old_size))
                assert is_refused(verify, path, old_root[:-1], root)
                assert is_refused(verify, path, old_root, root[:-1])
                assert is_refused(verify, path, root, old_root) == (old_size != size)


@pytest.mark.exhaustive
def test_a_consistency_proof_between_other_sizes_is_refused() -> None:
    for size in (*range(1, SMALL + 1), *EDGES):
        with case(f"size {size}"):
            for old_size in (index + 1 for index in _indexes(size)):
                roots = TREE.root(old_size), TREE.root(size)
                path = TREE.consistency_path(old_size, size)
                for other in range(-1, size + 2):
                    arguments = (other, size, path, *roots)
                    assert is_refused(verify_consistency, *arguments) == (
                        other != old_size
                    )
                sides = rfc6962.subtree_sides(0, old_size, size)
                for other in range(-1, size + 20):
                    same = other >= old_size and sides == rfc6962.subtree_sides(
                        0, old_size, other
                    )
                    arguments = (old_size, other, path, *roots)
                    assert is_refused(verify_consistency, *arguments) == (not same)


@pytest.mark.parametrize("size", [0, 1, 7, 256, MAX_SIZE])
def test_every_tree_extends_the_empty_one_by_no_hashes(size: int) -> None:
    root = LEAVES[0] if size else EMPTY_ROOT
    verify_consistency(0, size, [], EMPTY_ROOT, root)
    with pytest.raises(ProofError, match="has no hashes"):
        verify_consistency(0, size, [LEAVES[1]], EMPTY_ROOT, root)
    with pytest.raises(ProofError, match="another root"):
        verify_consistency(0, size, [], flip(EMPTY_ROOT), root)


def test_the_empty_tree_has_one_root() -> None:
    with pytest.raises(ProofError, match="another root"):
        verify_consistency(0, 0, [], EMPTY_ROOT, LEAVES[0])


def test_a_root_after_the_empty_tree_has_32_bytes_too() -> None:
    with pytest.raises(ProofError):
        verify_consistency(0, 1, [], EMPTY_ROOT, b"short")


@pytest.mark.parametrize(
    ("old_size", "size"), [(2, 1), (-1, 1), (1, MAX_SIZE + 1), (-2, -1), (1, 0)]
)
def test_no_tree_extends_a_larger_one(old_size: int, size: int) -> None:
    with pytest.raises(ProofError, match="cannot extend"):
        verify_consistency(old_size, size, [], LEAVES[0], LEAVES[0])


def test_the_longest_consistency_proof_has_64_hashes() -> None:
    path = [bytes([level]) * 32 for level in range(64)]
    old_root = rfc6962.node_hash(path[2], path[0])
    root = rfc6962.node_hash(path[2], rfc6962.node_hash(path[0], path[1]))
    for sibling in path[3:]:
        root = rfc6962.node_hash(root, sibling)
    verify_consistency(3, MAX_SIZE, path, old_root, root)
    with pytest.raises(ProofError, match="at most 64"):
        verify_consistency(3, MAX_SIZE, [*path, path[0]], old_root, root)


# Subtrees


def test_a_subtree_is_aligned_to_its_size() -> None:
    for start in range(-1, 66):
        with case(f"start {start}"):
            for end in range(-1, 66):
                assert rfc6962.is_valid_subtree(start, end) == is_valid_subtree(
                    start, end
                )


@pytest.mark.parametrize(
    ("expected", "start", "end"),
    [
        (True, 0, MAX_SIZE),
        (True, 2**62, MAX_SIZE),
        (False, 0, MAX_SIZE + 1),
        (False, 2**62 - 1, MAX_SIZE),
        (True, MAX_SIZE - 1, MAX_SIZE),
    ],
)
def test_a_subtree_ends_within_the_largest_tree(
    expected: bool, start: int, end: int
) -> None:
    assert expected == is_valid_subtree(start, end)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(range(1, 14), id="to 13"),
        pytest.param(range(14, 65), id="to 64", marks=pytest.mark.exhaustive),
    ],
)
def test_every_subtree_is_proven_and_each_change_is_refused(sizes: range) -> None:
    for size in sizes:
        with case(f"size {size}"):
            root = TREE.root(size)
            for start, end in _subtrees(size):
                path, subtree = (
                    TREE.subtree_path(start, end, size),
                    TREE.mth(start, end),
                )
                verify = partial(verify_subtree_consistency, start, end, size)
                verify(path, subtree, root)
                assert is_refused(verify, path, flip(subtree, end), root)
                assert is_refused(verify, path, subtree, flip(root, end))
                for what, changed in changed_paths(path):
                    assert is_refused(verify, changed, subtree, root), what


@pytest.mark.parametrize(
    ("start", "end"), [(1, 3), (2, 2), (2, 1), (-1, 1), (0, 5), (4, 5)]
)
def test_an_interval_that_is_no_subtree_of_the_tree_is_refused(
    start: int, end: int
) -> None:
    with pytest.raises(ProofError, match="is no subtree of a tree of 4 leaves"):
        verify_subtree_consistency(start, end, 4, [], LEAVES[0], TREE.root(4))


@pytest.mark.exhaustive
def test_another_interval_does_not_have_the_subtrees_hash() -> None:
    for size in range(1, 33):
        with case(f"size {size}"):
            root = TREE.root(size)
            for start, end in _subtrees(size):
                path, subtree = (
                    TREE.subtree_path(start, end, size),
                    TREE.mth(start, end),
                )
                for other_start in range(-1, size + 1):
                    for other_end in range(-1, size + 2):
                        other = (other_start, other_end, size, path, subtree, root)
                        refused = is_refused(verify_subtree_consistency, *other)
                        assert refused == ((other_start, other_end) != (start, end))


def _subtrees(size: int) -> list[tuple[int, int]]:
    return [
        (start, end)
        for start in range(size)
        for end in range(start + 1, size + 1)
        if rfc6962.is_valid_subtree(start, end)
    ]
