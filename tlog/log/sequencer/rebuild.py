"""Derived things can be rebuilt: hash tiles and the search index, from the bundles.

The bundles are read twice: first to prove that they lead to the public checkpoint's
root, and only then to write.  Damaged bundles therefore change nothing.  A damaged
bundle whose entries the journal still holds is written anew too.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from tlog import hashing
from tlog.entries.packed import Packed
from tlog.errors import MISSING, CorruptError
from tlog.log.merkle.tree import EMPTY_TREE, Tree
from tlog.log.sequencer.growth import Growth, grow
from tlog.log.storage.index import Index
from tlog.log.storage.journal import StoredBatch
from tlog.log.storage.objects import Objects
from tlogverify.bundles import Progress, encode_bundle, parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile, bundles_of_size

_STEP_BUNDLES = 64


class BundleReader:
    """Reads the bundles of a log's folder, and of its journal those that it holds.

    batches: of the journal, in the tree's order.  mended: the bundles whose file is
    damaged or missing, in the journal's bytes.
    """

    def __init__(
        self, objects: Objects, batches: Iterable[StoredBatch], size: int
    ) -> None:
        self._objects = objects
        self._size = size
        self._journal: Final = _bundles_of_batches(batches, size)
        self.mended: dict[Tile, bytes] = {}

    def __iter__(self) -> Iterator[list[bytes]]:
        """Return the entries of each bundle; CorruptError if it cannot be had."""
        bundles = bundles_of_size(self._size)
        while step := [*islice(bundles, _STEP_BUNDLES)]:
            try:
                # A bucket is asked for many at once.
                found: list[bytes | None] = [*self._objects.read_many(step)]
            except MISSING:
                found = [None] * len(step)
            for bundle, content in zip(step, found, strict=True):
                yield self._entries(bundle, content)

    def _entries(self, bundle: Tile, content: bytes | None) -> list[bytes]:
        """Return a bundle's entries; content: None if it must be read still."""
        kept = self._journal.get(bundle)
        try:
            if content is None:
                content = self._objects.read(bundle)
            if kept not in {None, content}:
                raise FormatError("the journal holds the same entries")
            return parse_bundle(content, bundle.width)
        except (*MISSING, FormatError) as error:
            if kept is None:
                raise CorruptError(f"public/{bundle.path}", str(error)) from error
            self.mended[bundle] = kept
            return parse_bundle(kept, bundle.width)


def rebuild(
    checkpoint: Checkpoint,
    objects: Objects,
    batches: Iterable[StoredBatch],
    index: Index,
    progress: Progress,
) -> list[Tile]:
    """Write all hash tiles and all of an empty index anew, up to `checkpoint`.

    Returns the bundles that were damaged and written anew from the journal's batches.

    Raises CorruptError, before anything is written, if the bundles do not lead to it.
    """
    bundles = BundleReader(objects, batches, checkpoint.size)
    tree = EMPTY_TREE
    for growth, _ in growths(checkpoint.size, bundles):
        tree = growth.tree
    if tree.root != checkpoint.root:
        raise CorruptError("the bundles", "do not lead to the public checkpoint")
    objects.mend(bundles.mended)
    mended = list(bundles.mended)
    for growth, entries in growths(checkpoint.size, bundles):
        tree = growth.tree
        tiles = {it: growth.full[it] for it in growth.full if it.level != ENTRIES}
        objects.mend(tiles)
        index.add_entries(entries, growth.leaf_hashes)
        progress(tree.size, checkpoint.size)
    objects.mend(tree.frontier.tiles)
    return mended


def growths(
    size: int, bundles: Iterable[list[bytes]], stops: Iterable[int] = ()
) -> Iterator[tuple[Growth, Packed]]:
    """Let the tree grow from nothing, some bundles at a time, with its entries.

    stops: sizes up to `size` at which it pauses too.
    """
    ends = sorted({*stops, size} - {0})
    tree, entries = EMPTY_TREE, list[bytes]()
    for count, bundle in enumerate(bundles, 1):
        entries += bundle
        while ends and tree.size + len(entries) >= ends[0]:
            cut = ends.pop(0) - tree.size
            growth, packed = _grow(tree, entries[:cut])
            yield growth, packed
            tree, entries = growth.tree, entries[cut:]
        if entries and count % _STEP_BUNDLES == 0:
            growth, packed = _grow(tree, entries)
            yield growth, packed
            tree, entries = growth.tree, []


def _grow(tree: Tree, entries: list[bytes]) -> tuple[Growth, Packed]:
    packed = Packed.of(entries)
    leaf_hashes = hashing.bundle_leaf_hashes(packed.bundle, len(packed))
    return grow(tree, packed, leaf_hashes), packed


def _bundles_of_batches(batches: Iterable[StoredBatch], size: int) -> dict[Tile, bytes]:
    """Return the bundles, of a tree of `size`, whose entries are all in the batches.

    Raises CorruptError if a batch is none.
    """
    first, entries = None, list[bytes]()
    for batch in batches:
        first = batch.start if first is None else first
        where = f"the journal's batch at {batch.start}"
        if batch.start != first + len(entries):
            raise CorruptError(where, f"does not follow on {first + len(entries)}")
        try:
            entries += parse_bundle(batch.entries, batch.end - batch.start)
        except FormatError as error:
            raise CorruptError(where, str(error)) from error
    found: dict[Tile, bytes] = {}
    if first is None:
        return found
    for nth in range(-(-first // TILE_WIDTH), -(-size // TILE_WIDTH)):
        start = nth * TILE_WIDTH
        width = min(size - start, TILE_WIDTH)
        kept = entries[start - first : start - first + width]
        if len(kept) == width:
            found[Tile(ENTRIES, nth, width)] = encode_bundle(kept)
    return found
