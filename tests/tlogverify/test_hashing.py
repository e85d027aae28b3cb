import pytest

from tests.oracle import rfc6962
from tlogverify.hashing import (
    EMPTY_ROOT,
    Hash,
    hash_at,
    hash_level,
    leaf_hash,
    node_hash,
    split_hashes,
    to_hash,
)

LEAVES = [Hash(value) for value in rfc6962.leaf_hashes(9)]


@pytest.mark.parametrize("entry", rfc6962.CT_ENTRIES)
def test_a_leaf_is_hashed_behind_a_zero_byte(entry: bytes) -> None:
    assert rfc6962.leaf_hash(entry) == leaf_hash(entry)


def test_the_leaf_without_bytes_has_its_known_hash() -> None:
    assert rfc6962.CT_ROOTS[1] == leaf_hash(b"")


def test_a_node_is_hashed_behind_a_one_byte() -> None:
    first, second = (leaf_hash(entry) for entry in rfc6962.CT_ENTRIES[:2])
    assert rfc6962.CT_ROOTS[2] == node_hash(first, second)


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert rfc6962.CT_ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize("count", range(1, 10))
def test_levels_lead_to_the_root(count: int) -> None:
    level = LEAVES[:count]
    while len(level) > 1:
        level = hash_level(level)
    assert [rfc6962.root(LEAVES[:count])] == level


def test_no_nodes_have_no_parents() -> None:
    assert hash_level([]) == []


def test_32_bytes_are_a_hash() -> None:
    assert LEAVES[0] == to_hash(LEAVES[0])


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_other_lengths_are_no_hash(length: int) -> None:
    with pytest.raises(ValueError, match="a hash has 32 bytes"):
        to_hash(b"x" * length)


def test_a_hash_is_cut_out_of_joined_ones_by_its_number() -> None:
    joined = b"".join(LEAVES)
    assert LEAVES == [hash_at(joined, nth) for nth in range(len(LEAVES))]


@pytest.mark.parametrize("nth", [-2, -1, 3, 4])
def test_a_hash_that_is_not_there_is_not_cut_out(nth: int) -> None:
    with pytest.raises(ValueError, match=f"have no number {nth}"):
        hash_at(b"".join(LEAVES[:3]), nth)


@pytest.mark.parametrize("length", [65, 95])
def test_half_a_hash_is_not_cut_out(length: int) -> None:
    with pytest.raises(ValueError, match="have no number 2"):
        hash_at(bytes(length), 2)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_joined_hashes_come_apart_as_they_were(count: int) -> None:
    assert LEAVES[:count] == split_hashes(b"".join(LEAVES[:count]))


@pytest.mark.parametrize("length", [1, 31, 33])
def test_bytes_that_are_no_hashes_do_not_come_apart(length: int) -> None:
    with pytest.raises(ValueError, match=f"{length} bytes are no hashes"):
        split_hashes(bytes(length))
