"""The oracle itself, against known answers and against its own definitions."""

import pytest

from tests.oracle import rfc6962
from tests.support.cases import case

CT_LEAVES = [rfc6962.leaf_hash(entry) for entry in rfc6962.CT_ENTRIES]
NODES = {
    "leaf 0": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "leaf 1": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "leaf 4": "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "0-2": "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "2-4": "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "4-6": "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "6-8": "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "0-4": "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4-8": "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
}


def _nodes(*names: str) -> list[bytes]:
    return [bytes.fromhex(NODES[name]) for name in names]


def test_the_roots_of_the_ct_test_suite() -> None:
    for size in range(9):
        assert rfc6962.CT_ROOTS[size] == rfc6962.root(CT_LEAVES[:size]), f"size {size}"


@pytest.mark.parametrize(
    ("index", "size", "names"),
    [
        (0, 1, ()),
        (0, 8, ("leaf 1", "2-4", "4-8")),
        (5, 8, ("leaf 4", "6-8", "0-4")),
        (2, 3, ("0-2",)),
        (1, 5, ("leaf 0", "2-4", "leaf 4")),
    ],
)
def test_the_inclusion_proofs_of_the_ct_test_suite(
    index: int, size: int, names: tuple[str, ...]
) -> None:
    assert _nodes(*names) == rfc6962.inclusion_path(index, CT_LEAVES[:size])


@pytest.mark.parametrize(
    ("old_size", "size", "names"),
    [
        (1, 1, ()),
        (1, 8, ("leaf 1", "2-4", "4-8")),
        (6, 8, ("4-6", "6-8", "0-4")),
        (2, 5, ("2-4", "leaf 4")),
        (0, 5, ()),
    ],
)
def test_the_consistency_proofs_of_the_ct_test_suite(
    old_size: int, size: int, names: tuple[str, ...]
) -> None:
    assert _nodes(*names) == rfc6962.consistency_path(old_size, CT_LEAVES[:size])


def test_one_leaf_is_a_range_and_a_subtree_with_the_inclusion_proof() -> None:
    for size in range(1, 33):
        with case(f"size {size}"):
            leaves = rfc6962.leaf_hashes(size)
            for index in range(size):
                path = rfc6962.inclusion_path(index, leaves)
                left, right = rfc6962.range_proof(index, index + 1, leaves)
                sides = rfc6962.inclusion_sides(index, size)
                assert path == rfc6962.subtree_path(index, index + 1, leaves)
                assert left == [
                    h for h, side in zip(path, sides, strict=True) if side < "r"
                ]
                assert right == [
                    h for h, side in zip(path, sides, strict=True) if side > "l~"
                ]


def test_a_range_proof_folds_to_the_root() -> None:
    for size in range(1, 25):
        with case(f"size {size}"):
            leaves = rfc6962.leaf_hashes(size)
            for start in range(size):
                for end in range(start + 1, size + 1):
                    sides = rfc6962.range_proof(start, end, leaves)
                    implied = rfc6962.root_from_range(
                        start, size, leaves[start:end], *sides
                    )
                    assert rfc6962.root(leaves) == implied
