"""From a tree to the next: tiles, bundles and root against the textbook."""

from itertools import pairwise

import pytest

from tests.faults.opened import entries
from tests.oracle import rfc6962
from tests.system.audit import audit
from tlog.hashing import hash_leaves
from tlog.log.merkle.tree import EMPTY_TREE, Tree
from tlog.log.sequencer.growth import grow
from tlogverify import Checkpoint
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import to_hash
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

STEPS = [
    pytest.param([1], id="one"),
    pytest.param([255, 256, 257], id="around-a-tile"),
    pytest.param([256, 512], id="whole-tiles"),
    pytest.param([100, 700, 701, 1024, 1300], id="across-tiles"),
    pytest.param([65_535, 65_536, 65_537], id="a-second-level"),
    pytest.param(list(range(1, 41)), id="leaf-by-leaf"),
]


@pytest.mark.parametrize("sizes", STEPS)
def test_a_tree_grows_into_the_textbooks(sizes: list[int]) -> None:
    everything = entries(0, sizes[-1])
    leaves = [rfc6962.leaf_hash(it) for it in everything]
    tree, files = EMPTY_TREE, dict[str, bytes]()
    for old, new in pairwise([0, *sizes]):
        added = everything[old:new]
        growth = grow(tree, added, hash_leaves(added))
        tree = growth.tree
        files |= {tile.path: content for tile, content in growth.full.items()}
        assert encode_bundle(added) == growth.encoded
        assert new == tree.frontier.size
        assert tuple(everything[new - new % TILE_WIDTH : new]) == tree.open_entries
        if new in {sizes[0], sizes[-1]} or new < 41:
            root = rfc6962.root(leaves[:new])
            assert root == growth.extension.root
            assert root == tree.frontier.root
            head = Checkpoint("log.example", new, to_hash(root))
            assert everything[:new] == audit(head, files | _edge(tree)).entries


def test_every_bundle_that_is_full_is_there_once() -> None:
    growth = grow(EMPTY_TREE, added := entries(0, 1025), hash_leaves(added))
    assert [Tile(ENTRIES, index) for index in range(4)] == [
        tile for tile in growth.full if tile.level == ENTRIES
    ]


@pytest.mark.parametrize("leaf_hashes", [b"", b"\x00" * 31, b"\x00" * 33])
def test_growing_by_no_whole_hashes_is_a_mistake(leaf_hashes: bytes) -> None:
    with pytest.raises(ValueError, match="leaf hashes"):
        grow(EMPTY_TREE, [], leaf_hashes)


def _edge(tree: Tree) -> dict[str, bytes]:
    tiles = dict(tree.frontier.tiles)
    if tree.open_entries:
        at = Tile(ENTRIES, tree.frontier.size // TILE_WIDTH, len(tree.open_entries))
        tiles[at] = encode_bundle(tree.open_entries)
    return {tile.path: content for tile, content in tiles.items()}
