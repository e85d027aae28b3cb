"""Every tile, bundle and proof of every width, from edge, memory and disk."""

import asyncio
import gc
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.opened import entries, step, stepping
from tests.oracle import rfc6962
from tests.support.cases import case
from tests.tlog.log.proofs.stores import (
    Counted,
    CutAbove,
    Missing,
    Named,
    OnDisk,
    Unwritten,
    reading,
)
from tlog.errors import CorruptError
from tlog.log.life import Log
from tlog.log.merkle.frontier import Frontier, edge_widths
from tlog.log.merkle.paths import Paths, TilePlace
from tlog.log.merkle.plans import TileLevels
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import Tree
from tlog.log.proofs.prover import Prover
from tlogverify import Policy
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import Hash, leaf_hash
from tlogverify.tiles import ENTRIES, Tile

SIZE = 700
EVERYTHING = entries(0, SIZE)
LEAVES = [rfc6962.leaf_hash(it) for it in EVERYTHING]
TREE = rfc6962.Tree(LEAVES)
WIDTHS = [1, 2, 17, 187, 188, 189, 255, 256]


@pytest.fixture(params=["unpublished", "published"])
def log(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Log]:
    with stepping(tmp_path, tile_cache_tiles=2) as opened:
        step(opened, EVERYTHING[:300])
        step(opened, EVERYTHING[300:])
        if request.param == "published":
            opened.publisher.publish()
        yield opened


def test_a_tile_of_any_width_up_to_the_size_is_served(log: Log) -> None:
    for index in range(3):
        for width in WIDTHS:
            with case(f"index {index}, width {width}"):
                require_served_if_there(log, index, width)


def require_served_if_there(log: Log, index: int, width: int) -> None:
    first = 256 * index
    hashes, bundle = Tile(0, index, width), Tile(ENTRIES, index, width)
    for tile in (hashes, bundle):
        assert (first + width <= SIZE) == log.heads.signed.tree.has(tile)
    if not log.heads.signed.tree.has(hashes):
        return
    expected = b"".join(LEAVES[first : first + width])
    assert expected == log.reading.tiles.tile_bytes(log.heads.signed, hashes)
    expected = encode_bundle(EVERYTHING[first : first + width])
    assert expected == log.reading.tiles.tile_bytes(log.heads.signed, bundle)


@pytest.mark.parametrize(("width", "has"), [(1, True), (2, True), (3, False)])
def test_a_level_above_holds_roots_of_full_tiles(
    log: Log, width: int, has: bool
) -> None:
    tile = Tile(1, 0, width)
    assert has == log.heads.signed.tree.has(tile)
    if has:
        roots = [rfc6962.root(LEAVES[256 * it : 256 * it + 256]) for it in range(width)]
        assert b"".join(roots) == log.reading.tiles.tile_bytes(log.heads.signed, tile)


def test_a_tile_beyond_the_tree_does_not_exist(log: Log) -> None:
    for tile in (
        Tile(2, 0, 1),
        Tile(1, 1, 1),
        Tile(0, 3, 1),
        Tile(8, 0, 1),
        Tile(63, 0, 1),
    ):
        assert not log.heads.signed.tree.has(tile), f"tile {tile}"


def test_entries_are_read_across_bundles(log: Log) -> None:
    for start, end in (
        (0, 1),
        (0, 700),
        (255, 257),
        (256, 512),
        (511, 513),
        (699, 700),
        (600, 650),
    ):
        assert EVERYTHING[start:end] == log.reading.tiles.entries(
            log.heads.signed, start, end
        ), f"start {start}, end {end}"


async def test_proofs_at_every_older_size_are_the_textbooks(log: Log) -> None:
    for size in (1, 2, 255, 256, 257, 299, 300, 512, 513, 700):
        with case(f"size {size}"):
            prover, snapshot = log.reading.prover, log.heads.signed
            assert TREE.root(size) == await prover.root(snapshot, size)
            for index in {0, 1, size // 2, 255, 256, size - 1} & set(range(size)):
                expected = TREE.inclusion_path(index, size)
                assert expected == await prover.inclusion(snapshot, index, size)
            for old in {1, 2, 255, 256, 257, size} & set(range(1, size + 1)):
                expected = TREE.consistency_path(old, size)
                assert expected == await prover.consistency(snapshot, old, size)


@pytest.mark.parametrize("kept", [1, 2])
def test_a_path_is_the_same_however_often_it_is_asked_for(log: Log, kept: int) -> None:
    reader = reading(log.stores.objects, log.backlog, kept)
    snapshot = log.heads.signed
    for index in (0, 1, 255, 0, 256, 511, 255, 512, 699, 0, 300):
        path = TREE.inclusion_path(index, SIZE)
        assert {index: path} == reader.load_inclusion_paths(snapshot, [index])
        assert path == reader.inclusion_path(snapshot, index)


def test_tiles_above_the_leaves_are_read_once(tmp_path: Path) -> None:
    """Their nodes are cut for as many as is said: a sixteenth of the tiles kept."""
    everything = entries(0, 65_536 + 256)
    tree = rfc6962.Tree([rfc6962.leaf_hash(it) for it in everything])
    indexes = (0, 255, 256, 65_279, 65_280, 65_535, 65_536)
    with stepping(tmp_path, tile_cache_tiles=2) as log:
        for start in range(0, len(everything), 8_192):
            step(log, everything[start : start + 8_192])
            log.publisher.publish()
        signed, stored = log.heads.signed, Counted(log.stores.objects)
        # The last one has no full tile above its own.
        for kept, times in ((16, 1), (15, len(indexes) - 1)):
            stored.read_levels.clear()
            reader = reading(stored, Missing(), kept)
            for index in indexes:
                for tile in range(20):
                    reader.load(signed, [Tile(0, tile)])
                path = tree.inclusion_path(index, signed.size)
                assert {index: path} == reader.load_inclusion_paths(signed, [index])
                assert path == reader.inclusion_path(signed, index)
            assert times == stored.read_levels.count(1)


def test_two_heads_that_are_asked_by_turns_have_each_its_paths(tmp_path: Path) -> None:
    with stepping(tmp_path, tile_cache_tiles=1) as log:
        step(log, EVERYTHING[:300])
        older = log.heads.signed
        step(log, EVERYTHING[300:])
        for index in (0, 299, 255, 256, 0):
            for snapshot in (older, log.heads.signed):
                found = log.reading.tiles.load_inclusion_paths(snapshot, [index])
                assert {index: TREE.inclusion_path(index, snapshot.size)} == found


async def test_many_proofs_are_the_same_as_each(log: Log) -> None:
    indexes = list(range(0, SIZE, 5))
    many = await log.reading.prover.inclusions(log.heads.signed, indexes)
    few = await log.reading.prover.inclusions(log.heads.signed, indexes[:9])
    assert {it: TREE.inclusion_path(it, SIZE) for it in indexes} == many
    assert {it: many[it] for it in indexes[:9]} == few


async def test_the_empty_tree_has_its_root(log: Log) -> None:
    assert rfc6962.EMPTY_ROOT == await log.reading.prover.root(log.heads.signed, 0)
    assert [] == await log.reading.prover.consistency(log.heads.signed, 0, SIZE)


@pytest.mark.parametrize("index", [0, 300, 699])
async def test_a_proof_file_verifies(log: Log, index: int) -> None:
    proof = await log.reading.prover.proof_file(log.heads.signed, index)
    assert EVERYTHING[index] == proof.extra
    assert LEAVES[index] == leaf_hash(EVERYTHING[index])
    policy = Policy.read(log.stores.folder.layout.policy_file)
    witnessed = proof.verify(leaf_hash(EVERYTHING[index]), policy)
    assert SIZE == witnessed.checkpoint.size


def test_the_nodes_of_several_tiles_are_not_mixed() -> None:
    """Of a tree with many tiles of each level, whose contents name their place."""
    size = 3 * 256**3 + 2 * 65_536 + 300
    edge = tuple(bytes(32 * it) for it in edge_widths(size))
    tree = Tree(Frontier(size, edge), Hash(bytes(32)), ())
    signed, paths = Snapshot(b"", tree), Paths(tree.frontier)
    reader = reading(Missing(), Named(), 128)
    indexes = [0, 65_535, 65_536, 256**3, 2 * 256**3 + 5, 3 * 256**3 + 70_000]
    for index in 2 * indexes:
        found = reader.inclusion_path(signed, index)
        assert found == paths.path(index, Named().siblings)
        assert {index: found} == reader.load_inclusion_paths(signed, [index])


def test_who_looks_for_a_tile_may_be_late(log: Log) -> None:
    """Between the look and the note that it was asked for, it was pushed out."""
    reader = reading(log.stores.objects, log.backlog, 2)
    tile = Tile(0, 0)
    reader.load(log.heads.signed, [tile])
    reader._cache = Forgetting(reader._cache)
    assert reader.peek(log.heads.signed, [tile]) is not None
    assert 0 == len(reader._cache)


def test_what_was_asked_for_last_stays(log: Log) -> None:
    content = log.reading.tiles.tile_bytes(log.heads.signed, Tile(0, 0))
    reader = reading(OnDisk(content), Missing(), 2)
    for index in (0, 1, 0, 3):
        reader.load(log.heads.signed, [Tile(0, index)])
    for index, stays in ((0, True), (1, False), (3, True)):
        found = reader.peek(log.heads.signed, [Tile(0, index)])
        assert stays == (found is not None)


def test_a_reader_that_is_dropped_lets_go_of_its_file(log: Log) -> None:
    reader = reading(log.stores.objects, log.backlog, 2)
    found = reader.load_inclusion_paths(log.heads.signed, [3])
    assert {3: TREE.inclusion_path(3, SIZE)} == found
    assert reader.inclusion_path(log.heads.signed, 3) is not None
    scratch = weakref.ref(reader._scratch)
    gc.disable()
    try:
        del reader
        assert scratch() is None
    finally:
        gc.enable()


def test_a_cut_tile_above_the_leaves_is_an_error_each_time() -> None:
    size = 65_536
    edge = tuple(bytes(32 * it) for it in edge_widths(size))
    signed = Snapshot(b"", Tree(Frontier(size, edge), Hash(bytes(32)), ()))
    reader = reading(Missing(), CutAbove(), 16)
    for index in (0, 0, 65_535):
        with pytest.raises(ValueError, match="8160 bytes are no full tile"):
            reader.load_inclusion_paths(signed, [index])


class Forgetting(OrderedDict[TilePlace, TileLevels]):
    """Forgets what it tells, as if another thread had pushed it out."""

    def get(  # type: ignore[explicit-override]  # typing: from 3.12
        self, key: TilePlace, default: Any = None
    ) -> Any:
        return self.pop(key, default)


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 8191, b"\x00" * 8193])
def test_a_tile_that_is_missing_or_cut_is_corrupt(
    log: Log, content: bytes | None
) -> None:
    reader = reading(Missing(content), Missing(), 2)
    with pytest.raises(CorruptError, match="tile/0/000"):
        reader.load(log.heads.signed, [Tile(0, 0)])
    with pytest.raises(CorruptError, match="tile/0/000"):
        asyncio.run(Prover(reader).inclusion(log.heads.signed, 0))


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 511, b"\x00\x01" * 256])
def test_a_bundle_that_is_missing_or_cut_is_corrupt(
    log: Log, content: bytes | None
) -> None:
    reader = reading(Missing(content), Missing(), 2)
    with pytest.raises(CorruptError, match=r"bundle|tile/entries/000"):
        reader.entries(log.heads.signed, 0, 1)


@pytest.mark.parametrize("width", [1, 255])
def test_a_width_of_a_cut_tile_is_not_served_short(log: Log, width: int) -> None:
    reader = reading(Missing(b"\x00" * 31), Missing(), 2)
    with pytest.raises(CorruptError, match="tile/0/000"):
        reader.tile_bytes(log.heads.signed, Tile(0, 0, width))


def test_what_is_in_memory_needs_no_disk(log: Log) -> None:
    reader = reading(Missing(), Missing(), 2)
    edge = [Tile(0, 2, 188), Tile(1, 0, 2)]
    assert set(edge) == set(reader.peek(log.heads.signed, edge) or ())
    assert reader.peek(log.heads.signed, [Tile(0, 0)]) is None


def test_no_more_tiles_are_kept_than_allowed(log: Log) -> None:
    for index in (0, 1, 0, 1):
        log.reading.tiles.load(log.heads.signed, [Tile(0, index)])
    assert (
        log.reading.tiles.peek(log.heads.signed, [Tile(0, 0), Tile(0, 1)]) is not None
    )
    content = log.reading.tiles.tile_bytes(log.heads.signed, Tile(0, 0))
    reader = reading(OnDisk(content), Missing(), 1)
    reader.load(log.heads.signed, [Tile(0, 0)])
    assert reader.peek(log.heads.signed, [Tile(0, 0)]) is not None
    reader.load(log.heads.signed, [Tile(0, 1)])
    assert reader.peek(log.heads.signed, [Tile(0, 0)]) is None
    assert reader.peek(log.heads.signed, [Tile(0, 1)]) is not None


def test_what_needs_no_waiting_is_read_at_once(log: Log) -> None:
    signed, tile = log.heads.signed, Tile(0, 0)
    content = log.reading.tiles.tile_bytes(signed, tile)
    reader = reading(Missing(content), Missing(), 2)
    assert content == reader.bytes_now(tile)
    assert reader.peek(signed, [tile]) == log.reading.tiles.load(signed, [tile])
    assert reader.inclusion_path(signed, 0) is not None
    waits = reading(OnDisk(content), Missing(), 2)
    assert waits.bytes_now(tile) is None
    assert waits.inclusion_path(signed, 0) is None


@pytest.mark.parametrize("content", [b"", b"\x00" * 8191, b"\x00" * 8193])
def test_a_cut_tile_is_nothing_that_is_answered_at_once(
    log: Log, content: bytes
) -> None:
    reader = reading(Missing(content), Missing(), 2)
    assert reader.bytes_now(Tile(0, 0)) is None
    assert reader.inclusion_path(log.heads.signed, 0) is None


def test_a_large_bundle_is_for_a_thread() -> None:
    bundle = Tile(ENTRIES, 0)
    assert reading(Missing(b"\x00" * (128 << 10)), Missing(), 2).bytes_now(bundle)
    larger = Missing(b"\x00" * ((128 << 10) + 1))
    assert reading(larger, Missing(), 2).bytes_now(bundle) is None


def test_what_is_not_on_disk_yet_goes_before_what_is() -> None:
    """A folder may have tiles of a history that was given up."""
    reader = reading(Missing(b"\x00" * 8192), Unwritten(b"\x01" * 8192), 2)
    assert b"\x01" * 8192 == reader.bytes_now(Tile(0, 0))
