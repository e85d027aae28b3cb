"""A whole log verified from its static files: with tlogverify and hashlib alone.

This is what a monitor does: bundles give the leaves, leaves the tiles and the root.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from tlogverify import Checkpoint
from tlogverify.bundles import parse_bundle
from tlogverify.hashing import EMPTY_ROOT
from tlogverify.tiles import TILE_WIDTH, bundles_of_size, tiles_of_size


class Audited(NamedTuple):
    """A log whose every byte leads to its head."""

    checkpoint: Checkpoint
    entries: list[bytes]


def paths_of_size(size: int) -> list[str]:
    """Return the paths of all tiles and bundles of a log of `size` entries."""
    tiles = [*tiles_of_size(size), *bundles_of_size(size)]
    return [tile.path for tile in tiles]


def audit(checkpoint: Checkpoint, files: Mapping[str, bytes]) -> Audited:
    """Compare every file, and the root, with what the entries imply.

    checkpoint: opened with the log's key.  files: by path, all of its size.
    """
    entries: list[bytes] = []
    for bundle in bundles_of_size(checkpoint.size):
        entries += parse_bundle(files[bundle.path], bundle.width)
    levels = [[hashlib.sha256(b"\x00" + entry).digest() for entry in entries]]
    while len(levels[-1]) >= TILE_WIDTH:
        levels.append(_subtree_roots(levels[-1]))
    for tile in tiles_of_size(checkpoint.size):
        first = tile.index * TILE_WIDTH
        expected = b"".join(levels[tile.level][first : first + tile.width])
        assert expected == files[tile.path], tile.path
    assert root(levels[0]) == checkpoint.root
    return Audited(checkpoint, entries)


def root(nodes: list[bytes]) -> bytes:
    """Return the root over leaf hashes, a level at a time."""
    while len(nodes) > 1:
        nodes = _parents(nodes)
    return nodes[0] if nodes else EMPTY_ROOT


def _parents(nodes: list[bytes]) -> list[bytes]:
    pairs = zip(nodes[::2], nodes[1::2], strict=False)
    parents = [hashlib.sha256(b"\x01" + one + two).digest() for one, two in pairs]
    return parents + nodes[len(nodes) // 2 * 2 :]


def _subtree_roots(nodes: list[bytes]) -> list[bytes]:
    nodes = nodes[: len(nodes) // TILE_WIDTH * TILE_WIDTH]
    for _ in range(8):
        nodes = _parents(nodes)
    return nodes
