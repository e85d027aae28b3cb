"""Derived things can be rebuilt: hash tiles and the search index, from the bundles.

The bundles are read twice: first to prove that they lead to the public checkpoint's
root, and only then to write.  Damaged bundles therefore change nothing.
"""

from collections.abc import Iterator

from tlog import hashing
from tlog.errors import CorruptError
from tlog.log.merkle.tree import EMPTY_TREE
from tlog.log.sequencer.growth import Growth, grow
from tlog.log.storage.index import Index
from tlog.log.storage.objects import Objects
from tlogverify.bundles import Progress, parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError
from tlogverify.kinds import search_keys
from tlogverify.tiles import ENTRIES, bundles_of_size

_STEP_BUNDLES = 64


def rebuild(
    checkpoint: Checkpoint, objects: Objects, index: Index, progress: Progress
) -> None:
    """Write all hash tiles and all of an empty index anew, up to `checkpoint`.

    Raises CorruptError, before anything is written, if the bundles do not lead to it.
    """
    tree = EMPTY_TREE
    for growth, _ in _growths(checkpoint.size, objects):
        tree = growth.tree
    if tree.root != checkpoint.root:
        raise CorruptError("the bundles", "do not lead to the public checkpoint")
    for growth, entries in _growths(checkpoint.size, objects):
        tree = growth.tree
        tiles = {it: growth.full[it] for it in growth.full if it.level != ENTRIES}
        objects.put(tiles)
        leaf_hashes = hashing.split_hashes(growth.leaf_hashes)
        index.add(leaf_hashes, [search_keys(entry) for entry in entries])
        progress(tree.size, checkpoint.size)
    objects.put(tree.frontier.tiles)


def _growths(size: int, objects: Objects) -> Iterator[tuple[Growth, list[bytes]]]:
    """Let the tree grow bundle by bundle, from nothing, some bundles at a time."""
    tree, entries = EMPTY_TREE, list[bytes]()
    for count, bundle in enumerate(bundles_of_size(size), 1):
        try:
            entries += parse_bundle(objects.read(bundle), bundle.width)
        except (OSError, FormatError) as error:
            raise CorruptError(bundle.path, str(error)) from error
        if count % _STEP_BUNDLES == 0 or tree.size + len(entries) == size:
            growth = grow(tree, entries, hashing.hash_leaves(entries))
            yield growth, entries
            tree, entries = growth.tree, []
