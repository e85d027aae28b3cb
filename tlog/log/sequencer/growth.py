"""From a tree and new entries to the next tree, its tiles and its bundles.  PURE.

Commit and recovery both grow the tree here: there is no second way.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tlog.entries.packed import Packed
from tlog.log.merkle.extension import Extension, extend
from tlog.log.merkle.tree import Tree
from tlogverify.bundles import encode_bundle
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile


class Growth(NamedTuple):
    """One step.

    tree: after the step.  leaf_hashes: of the new entries, joined.  extension: has the
    proofs of the new entries.  full: the tiles and bundles that became full.  encoded:
    the new entries as a bundle of any width.
    """

    tree: Tree
    leaf_hashes: bytes
    extension: Extension
    full: dict[Tile, bytes]
    encoded: bytes


def grow(tree: Tree, entries: Sequence[bytes], leaf_hashes: bytes) -> Growth:
    """Let the tree grow by one or more entries; leaf_hashes: theirs, joined."""
    packed = Packed.of(entries)
    extension = extend(tree.frontier, leaf_hashes)
    full = dict(extension.full_tiles)
    first = tree.size // TILE_WIDTH
    opened = tree.open_entries
    for chunk in packed.split(TILE_WIDTH - len(opened), TILE_WIDTH):
        if len(opened) + len(chunk) == TILE_WIDTH:
            full[Tile(ENTRIES, first)] = encode_bundle(opened) + chunk.bundle
            first, opened = first + 1, ()
        else:
            opened = (*opened, *chunk)
    return Growth(
        tree=Tree(extension.frontier, extension.root, opened),
        leaf_hashes=leaf_hashes,
        extension=extension,
        full=full,
        encoded=packed.bundle,
    )
