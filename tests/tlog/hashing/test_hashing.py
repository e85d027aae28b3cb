"""The batched hashing interface against `hashlib` and the oracle's recursion."""

import hashlib

import pytest

from tests.oracle import rfc6962
from tests.support.cases import case
from tests.tlog.hashing.backends import backend_of, each_backend
from tlog import hashing
from tlogverify.bundles import encode_bundle
from tlogverify.errors import FormatError
from tlogverify.hashing import to_hash

HASHES = rfc6962.leaf_hashes(2_048)
TREE = rfc6962.Tree(HASHES)


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def test_the_backend_has_a_name() -> None:
    assert hashing.backend()


@each_backend
def test_leaves_are_hashed_with_their_prefix(name: str) -> None:
    for count in (0, 1, 2, 3, 255, 256, 257):
        with case(f"count {count}"):
            entries = [
                bytes([index % 251]) * (index * 37 % 300) for index in range(count)
            ]
            expected = b"".join(sha256(b"\x00" + entry) for entry in entries)
            assert expected == backend_of(name).hash_leaves(entries)


@each_backend
def test_entries_of_every_padding_are_hashed(name: str) -> None:
    for size in (0, 1, 54, 55, 56, 63, 64, 65, 118, 119, 120, 65_534, 65_535):
        with case(f"size {size}"):
            entry = bytes(index % 256 for index in range(size))
            assert sha256(b"\x00" + entry) == backend_of(name).hash_leaves([entry])
            assert sha256(b"\x00" + entry) == backend_of(name).bundle_leaf_hashes(
                encode_bundle([entry]), 1
            )


@each_backend
def test_a_bundle_is_hashed_entry_by_entry(name: str) -> None:
    for width in (1, 2, 255, 256):
        with case(f"width {width}"):
            entries = [b"e" * index for index in range(width)]
            bundle = encode_bundle(entries)
            assert backend_of(name).hash_leaves(entries) == backend_of(
                name
            ).bundle_leaf_hashes(bundle, width)


@pytest.mark.parametrize(
    ("bundle", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x01", 1),
        (b"\x00\x00\x00\x00", 1),
        (b"\x00\x00", 2),
        (b"\x00\x02a", 1),
        (b"\xff\xff" + b"a" * 65_534, 1),
    ],
)
def test_a_bundle_of_another_width_is_a_format_error(bundle: bytes, width: int) -> None:
    with pytest.raises(FormatError):
        hashing.bundle_leaf_hashes(bundle, width)


@each_backend
def test_pairs_are_hashed_with_their_prefix(name: str) -> None:
    for pairs in (0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 128, 1_024):
        with case(f"pairs {pairs}"):
            nodes = b"".join(HASHES[: 2 * pairs])
            expected = [
                sha256(b"\x01" + nodes[at : at + 64]) for at in range(0, len(nodes), 64)
            ]
            assert b"".join(expected) == backend_of(name).hash_pairs(nodes)


@each_backend
def test_what_is_no_pairs_is_a_value_error(name: str) -> None:
    for size in (1, 31, 32, 33, 63, 65, 96):
        with (
            case(f"size {size}"),
            pytest.raises(ValueError, match="no pairs of hashes"),
        ):
            backend_of(name).hash_pairs(b"x" * size)


@each_backend
def test_the_roots_of_whole_tiles_are_the_oracles(name: str) -> None:
    for tiles in (0, 1, 2, 8):
        with case(f"tiles {tiles}"):
            expected = [TREE.mth(256 * nth, 256 * (nth + 1)) for nth in range(tiles)]
            hashes = b"".join(HASHES[: 256 * tiles])
            assert b"".join(expected) == backend_of(name).subtree_roots(hashes)


@each_backend
def test_what_is_no_whole_tiles_is_a_value_error(name: str) -> None:
    for size in (1, 32, 8_191, 8_193, 8_160):
        with case(f"size {size}"), pytest.raises(ValueError, match="no whole tiles"):
            backend_of(name).subtree_roots(b"x" * size)


@each_backend
def test_the_levels_of_a_tile_are_its_complete_nodes(name: str) -> None:
    for width in range(1, 257):
        with case(f"width {width}"):
            levels = backend_of(name).tile_levels(b"".join(HASHES[:width]))
            assert width.bit_length() == len(levels)
            for height, level in enumerate(levels):
                expected = [
                    TREE.mth(nth << height, nth + 1 << height)
                    for nth in range(width >> height)
                ]
                assert b"".join(expected) == level


@each_backend
def test_an_empty_tile_has_one_empty_level(name: str) -> None:
    assert [b""] == backend_of(name).tile_levels(b"")


@each_backend
def test_what_is_no_tile_is_a_value_error(name: str) -> None:
    for size in (1, 31, 33, 8_191, 8_193, 8_224):
        with case(f"size {size}"), pytest.raises(ValueError, match="are no tile"):
            backend_of(name).tile_levels(b"x" * size)


@each_backend
def test_the_root_is_the_oracles(name: str) -> None:
    for count in (*range(130), 255, 256, 257, 1_000, 2_048):
        assert TREE.root(count) == backend_of(name).root(b"".join(HASHES[:count])), (
            f"count {count}"
        )


@each_backend
def test_what_is_no_hashes_has_no_root(name: str) -> None:
    for size in (1, 31, 33, 63):
        with case(f"size {size}"), pytest.raises(ValueError, match="are no hashes"):
            backend_of(name).root(b"x" * size)


@each_backend
def test_a_pair_has_the_oracles_parent(name: str) -> None:
    left, right = map(to_hash, HASHES[:2])
    assert TREE.root(2) == backend_of(name).hash_pair(left, right)
    assert TREE.root(2) == hashing.hash_pair(left, right)
