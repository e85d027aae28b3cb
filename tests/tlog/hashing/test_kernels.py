"""Every backend of this machine against `hashlib`, exhaustively where sizes matter."""

import mmap
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import rfc6962
from tests.support.cases import case
from tests.tlog.hashing.backends import (
    HERE,
    backend_of,
    each_backend,
    each_kernel,
    leaf_hashes,
    parents,
    pseudo_random,
    sha256,
)
from tlog.hashing.shapes import Buffer
from tlogverify.bundles import encode_bundle


def _around(border: int) -> list[int]:
    """Return the lengths where the padding changes."""
    near = (border - 10, border - 9, border - 8, border - 2, border - 1, border)
    return [size for size in (*near, border + 1) if size <= 65_535]


NODES = pseudo_random(64 * 1_101)
BIG = pseudo_random(65_536)
BORDERS = [
    [size for nth in range(64) for size in _around(first + 64 * nth)]
    for first in range(64, 65_536, 4_096)
]
"""The lengths around each block border up to 65,535, in groups."""
EIGHT_LEAVES = [
    bytes.fromhex(it)
    for it in (
        *("", "00", "10", "2021", "3031", "40414243"),
        *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
    )
]
"""The tree that Certificate Transparency's implementations test with."""
EIGHT_LEAVES_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.exhaustive
@each_backend
def test_every_count_of_nodes_up_to_1100_is_hashed(name: str) -> None:
    backend, expected = backend_of(name), parents(NODES)
    for count in range(1_101):
        assert expected[: 32 * count] == backend.hash_pairs(NODES[: 64 * count])


@each_backend
def test_every_length_of_an_entry_up_to_300_is_hashed(name: str) -> None:
    backend = backend_of(name)
    entries = [BIG[size : 2 * size] for size in range(301)]
    expected = leaf_hashes(entries)
    assert expected == backend.hash_leaves(entries)
    assert expected == b"".join(backend.hash_leaves([it]) for it in entries)
    assert expected == backend.bundle_leaf_hashes(encode_bundle(entries), 301)


@each_kernel
def test_every_length_of_a_message_alone_is_hashed_by_the_kernel(name: str) -> None:
    native = pytest.importorskip("tlog.hashing.native")
    kernel = native.NativeBackend(name, 1)
    messages = [BIG[size : 2 * size] for size in (*range(301), *BORDERS[0], 65_535)]
    for prefix, ahead in ((0, b"\x00"), (1, b"\x01"), (-1, b"")):
        for it in messages:
            assert sha256(ahead + it) == kernel.hash_messages([it], prefix)


def _entries(nth: int) -> list[bytes]:
    return [BIG[:size] for size in BORDERS[nth]]


@cache
def _expected(nth: int) -> bytes:
    return leaf_hashes(_entries(nth))


@pytest.mark.exhaustive
@each_backend
def test_lengths_around_every_kind_of_block_border_are_hashed(name: str) -> None:
    backend = backend_of(name)
    for nth in range(len(BORDERS)):
        assert _expected(nth) == backend.hash_leaves(_entries(nth)), nth


@each_backend
def test_an_entry_beyond_any_bundle_is_hashed(name: str) -> None:
    entries = [pseudo_random(1 << 20), b"", pseudo_random((1 << 20) + 55)]
    assert leaf_hashes(entries) == backend_of(name).hash_leaves(entries)


@pytest.mark.exhaustive
@each_backend
@given(st.data())
def test_batches_of_mixed_lengths_are_hashed(name: str, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 400) | st.sampled_from(BORDERS[0][:60])))
    start = data.draw(st.integers(0, 1_000))
    entries = [BIG[start + nth : start + nth + size] for nth, size in enumerate(sizes)]
    backend = backend_of(name)
    expected = leaf_hashes(entries)
    assert expected == backend.hash_leaves(entries)
    bundle = encode_bundle(entries)
    assert expected == backend.bundle_leaf_hashes(bundle, len(entries))


@each_backend
def test_a_batch_of_one_length_fills_all_lanes(name: str) -> None:
    backend = backend_of(name)
    for count in (*range(1, 70), 255, 256, 257, 600):
        entries = [BIG[7 * nth : 7 * nth + 263] for nth in range(count)]
        assert leaf_hashes(entries) == backend.hash_leaves(entries)


def _mapped(content: bytes, folder: Path) -> mmap.mmap:
    path = folder / "mapped"
    path.write_bytes(content)
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


BUFFERS: dict[str, Callable[[bytes, Path], Buffer]] = {
    "bytes": lambda content, _: content,
    "bytearray": lambda content, _: bytearray(content),
    "read-only view": lambda content, _: memoryview(content),
    "writable view": lambda content, _: memoryview(bytearray(content)),
    "view of words": lambda content, _: memoryview(content).cast("I"),
    "odd offset": lambda content, _: memoryview(b"x" + content)[1:],
    "mapped file": _mapped,
    "mapped view": lambda content, folder: memoryview(_mapped(content, folder)),
}


@each_backend
@pytest.mark.parametrize("kind", BUFFERS)
def test_any_contiguous_buffer_is_hashed(name: str, kind: str, tmp_path: Path) -> None:
    backend = backend_of(name)
    tile = NODES[:8_192]

    def given_as(content: bytes) -> Buffer:
        return BUFFERS[kind](content, tmp_path)

    assert parents(tile) == backend.hash_pairs(given_as(tile))
    roots = backend.subtree_roots(tile)
    assert roots == backend.subtree_roots(given_as(tile))
    assert roots == backend.root(given_as(tile))
    assert backend.tile_levels(tile) == backend.tile_levels(given_as(tile))
    entries = [b"a" * 6, b"b" * 6]
    bundle = encode_bundle(entries)
    assert leaf_hashes(entries) == backend.bundle_leaf_hashes(given_as(bundle), 2)
    if kind != "view of words":
        entry = given_as(b"entry")
        assert leaf_hashes([b"entry"] * 3) == backend.hash_leaves([entry] * 3)


@each_backend
def test_every_alignment_is_hashed(name: str) -> None:
    for offset in range(1, 65):
        with case(f"offset {offset}"):
            backend = backend_of(name)
            view = memoryview(NODES)[offset : offset + 64 * 40]
            assert parents(bytes(view)) == backend.hash_pairs(view)


@each_backend
def test_a_buffer_with_gaps_is_a_value_error(name: str) -> None:
    backend = backend_of(name)
    gaps = memoryview(NODES[:16_384])[::2]
    for function in (backend.hash_pairs, backend.subtree_roots, backend.root):
        with pytest.raises(ValueError, match="contiguous"):
            function(gaps)


@each_backend
def test_entries_whose_items_are_larger_are_hashed_by_their_bytes(name: str) -> None:
    entry = NODES[:64]
    words = memoryview(entry).cast("I")
    assert leaf_hashes([entry, entry]) == backend_of(name).hash_leaves([words, entry])
    assert leaf_hashes([entry]) == backend_of(name).hash_leaves([words])


@each_backend
def test_text_is_a_type_error(name: str) -> None:
    with pytest.raises(TypeError):
        backend_of(name).hash_leaves(["text", "text"])  # type: ignore[list-item]  # text is what is refused


@each_backend
def test_the_eight_leaves_of_rfc_6962_have_their_root(name: str) -> None:
    backend = backend_of(name)
    assert EIGHT_LEAVES_ROOT == backend.root(backend.hash_leaves(EIGHT_LEAVES)).hex()


@each_backend
def test_tiles_in_groups_have_the_oracles_roots(name: str) -> None:
    for tiles in (0, 1, 2, 31, 32, 33, 65):
        with case(f"tiles {tiles}"):
            hashes = pseudo_random(8_192 * tiles)
            level = hashes
            for _ in range(8):
                level = parents(level)
            assert level == backend_of(name).subtree_roots(hashes)


@pytest.mark.parametrize("threads", [2, 3, 64])
@pytest.mark.parametrize("name", [it for it in HERE if it != "hashlib"])
def test_threads_change_nothing(name: str, threads: int) -> None:
    one, more = backend_of(name), backend_of(name, threads)
    nodes = pseudo_random(64 * 33_000)
    for count in (8_191, 8_192, 12_289, 33_000):
        assert one.hash_pairs(nodes[: 64 * count]) == more.hash_pairs(
            nodes[: 64 * count]
        )
    entries = [nodes[nth : nth + nth % 301] for nth in range(4_100)]
    assert one.hash_leaves(entries) == more.hash_leaves(entries)
    tiles = nodes[: 8_192 * 130]
    assert one.subtree_roots(tiles) == more.subtree_roots(tiles)
    leaves = nodes[: 32 * 20_000]
    grown = one.growth_levels(3, nodes[:64], leaves)
    assert grown == more.growth_levels(3, nodes[:64], leaves)


TREE = rfc6962.Tree(rfc6962.leaf_hashes(400))


@each_backend
def test_the_levels_of_a_growth_are_the_oracles_nodes(name: str) -> None:
    for start in (*range(18), 127, 128, 129, 255, 256, 257, 300):
        with case(f"start {start}"):
            backend = backend_of(name)
            peaks, first = [], 0
            for height in reversed(range(start.bit_length())):
                if start >> height & 1:
                    peaks.append(TREE.mth(first, first + (1 << height)))
                    first += 1 << height
            joined = b"".join(reversed(peaks))
            for leaves in (1, 2, 3, 7, 33, 100):
                size = start + leaves
                levels = backend.growth_levels(
                    start, joined, b"".join(TREE.leaves[start:size])
                )
                assert (size - 1).bit_length() + 1 == len(levels)
                for height, level in enumerate(levels):
                    nodes = range(start >> height & ~1, -(-size >> height))
                    expected = [
                        TREE.mth(nth << height, min(nth + 1 << height, size))
                        for nth in nodes
                    ]
                    assert b"".join(expected) == level


@each_backend
def test_a_growth_of_other_shapes_is_a_value_error(name: str) -> None:
    for start, peaks, leaves in (
        (0, 0, 0),
        (0, 32, 32),
        (1, 0, 32),
        (3, 32, 32),
        (3, 96, 32),
        (1, 31, 32),
    ):
        with case(f"start {start}, peaks {peaks}, leaves {leaves}"):
            with pytest.raises(ValueError, match="a growth"):
                backend_of(name).growth_levels(start, bytes(peaks), bytes(leaves))
            with pytest.raises(ValueError, match="are no hashes"):
                backend_of(name).growth_levels(start, bytes(peaks), bytes(leaves + 1))
