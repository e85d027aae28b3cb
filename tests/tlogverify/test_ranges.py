from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import rfc6962
from tests.support.cases import case
from tests.tlogverify.refusal import changed_paths, flip, is_refused
from tests.tlogverify.strategies import thorough
from tlogverify.errors import ProofError
from tlogverify.lines import MAX_SIZE
from tlogverify.ranges import inclusion_paths, verify_range

LEAVES = rfc6962.leaf_hashes(65_537)
TREE = rfc6962.Tree(LEAVES)


def _ranges(size: int) -> list[tuple[int, int]]:
    return [(start, end) for start in range(size) for end in range(start + 1, size + 1)]


@pytest.mark.exhaustive
def test_every_range_is_proven_and_yields_its_inclusion_proofs() -> None:
    for size in range(1, 41):
        with case(f"size {size}"):
            root = TREE.root(size)
            expected = [
                tuple(TREE.inclusion_path(index, size)) for index in range(size)
            ]
            for start, end in _ranges(size):
                left, right = TREE.range_proof(start, end, size)
                arguments = (start, size, LEAVES[start:end], left, right)
                verify_range(*arguments, root)
                assert expected[start:end] == inclusion_paths(*arguments, root)


@pytest.mark.exhaustive
@thorough
@given(st.data())
def test_larger_ranges_are_proven_and_yield_their_inclusion_proofs(
    data: st.DataObject,
) -> None:
    sizes = st.sampled_from([255, 256, 257, 65_535, 65_536, 65_537])
    size = data.draw(sizes | st.integers(1, 65_537))
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, min(size, start + 300)))
    left, right = TREE.range_proof(start, end, size)
    expected = [tuple(TREE.inclusion_path(index, size)) for index in range(start, end)]
    leaves = LEAVES[start:end]
    assert expected == inclusion_paths(
        start, size, leaves, left, right, TREE.root(size)
    )


@pytest.mark.exhaustive
def test_a_range_proof_with_one_change_is_refused() -> None:
    for size in range(1, 21):
        with case(f"size {size}"):
            root = TREE.root(size)
            for start, end in _ranges(size):
                leaves = LEAVES[start:end]
                left, right = TREE.range_proof(start, end, size)
                verify = partial(verify_range, start, size)
                assert is_refused(verify, leaves, left, right, flip(root, start))
                assert is_refused(verify, leaves, left, right, root[:-1])
                for what, changed in changed_paths(left):
                    assert is_refused(verify, leaves, changed, right, root), what
                for what, changed in changed_paths(right):
                    assert is_refused(verify, leaves, left, changed, root), what
                for what, changed in changed_paths(leaves):
                    assert is_refused(verify, changed, left, right, root), what


@pytest.mark.parametrize("moved", [-1, 1])
def test_a_byte_that_moves_between_neighbours_is_refused(moved: int) -> None:
    # The node's hash is of the same 64 bytes: only the lengths tell.
    both, cut = LEAVES[0] + LEAVES[1], 32 + moved
    first, second = both[:cut], both[cut:]
    for start, leaves, left, right in [
        (0, [first, second], [], []),
        (0, [first], [], [second]),
        (1, [second], [first], []),
    ]:
        with pytest.raises(ProofError, match="has 32 bytes"):
            verify_range(start, 2, leaves, left, right, TREE.root(2))


@pytest.mark.exhaustive
def test_a_range_elsewhere_is_refused() -> None:
    for size in range(1, 25):
        with case(f"size {size}"):
            root = TREE.root(size)
            for start, end in _ranges(size):
                leaves = LEAVES[start:end]
                left, right = TREE.range_proof(start, end, size)
                for other in range(-1, size + 1):
                    arguments = (other, size, leaves, left, right, root)
                    assert is_refused(verify_range, *arguments) == (other != start)


def test_a_range_in_a_tree_of_another_size_is_refused_where_its_shape_differs() -> None:
    for size in range(1, 17):
        with case(f"size {size}"):
            root = TREE.root(size)
            for start, end in _ranges(size):
                leaves = LEAVES[start:end]
                sides = TREE.range_proof(start, end, size)
                for other in range(-1, size + 20):
                    implied = None
                    if end <= other:
                        implied = rfc6962.root_from_range(start, other, leaves, *sides)
                    arguments = (start, other, leaves, *sides, root)
                    assert is_refused(verify_range, *arguments) == (implied != root)


@pytest.mark.parametrize(
    ("start", "size", "count"),
    [
        pytest.param(0, 4, 0, id="no-leaf"),
        pytest.param(4, 4, 0, id="no-leaf-behind-the-last"),
        pytest.param(-1, 4, 2, id="before-the-first"),
        pytest.param(3, 4, 2, id="behind-the-last"),
        pytest.param(0, 0, 1, id="empty-tree"),
        pytest.param(0, -1, 1, id="negative-size"),
        pytest.param(0, MAX_SIZE + 1, 1, id="too-large"),
    ],
)
def test_a_range_lies_in_its_tree(start: int, size: int, count: int) -> None:
    with pytest.raises(ProofError, match="is no range"):
        verify_range(start, size, LEAVES[:count], [], [], TREE.root(4))


def test_a_side_has_at_most_63_hashes() -> None:
    side = [LEAVES[0]] * 64
    with pytest.raises(ProofError, match="at most 63"):
        verify_range(0, MAX_SIZE, LEAVES[:1], [], side, LEAVES[0])
    with pytest.raises(ProofError, match="at most 63"):
        verify_range(1, MAX_SIZE, LEAVES[:1], side, [], LEAVES[0])


def test_the_last_leaf_of_the_largest_tree_has_its_path_on_the_left() -> None:
    left = [bytes([level]) * 32 for level in range(62)]
    right: list[bytes] = []
    arguments = (MAX_SIZE - 1, MAX_SIZE, LEAVES[:1], left, right)
    expected = LEAVES[0]
    for sibling in left:
        expected = rfc6962.node_hash(sibling, expected)
    verify_range(*arguments, expected)
    assert [tuple(left)] == inclusion_paths(*arguments, expected)


def test_a_range_that_is_not_proven_has_no_inclusion_proofs() -> None:
    left, right = TREE.range_proof(1, 3, 7)
    with pytest.raises(ProofError, match="does not lead to the root"):
        inclusion_paths(1, 7, LEAVES[1:3], left, right, flip(TREE.root(7)))
