"""From a folder to the state to go on from; the first start is the simplest case.

    objects    what the public checkpoint names is durable, or the head that is stored
               beside it while that one waits: the tree grows from the larger
    journal    batches above it grow the tree as their commit did, into the backlog
    head       the tree must be the one that was signed last
    index      what it lacks is written anew, from bundles

Whatever does not fit is a CorruptError: nothing is repaired by guessing.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tlog import hashing
from tlog.errors import CorruptError
from tlog.log.merkle.frontier import edge_tiles, frontier_from_tiles
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.publishing.backlog import Backlog
from tlog.log.sequencer.commit import snapshot_of
from tlog.log.sequencer.growth import EMPTY_TREE, Tree, grow
from tlog.log.storage.index import Index
from tlog.log.storage.journal import Head, Journal, StoredBatch
from tlog.log.storage.objects import Objects
from tlog.log_lines import log_event
from tlog.signing import HeadSigner
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE
from tlogverify.kinds import search_keys
from tlogverify.note import parse_note
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_INDEX_ENTRIES = 64 * TILE_WIDTH


class Recovered(NamedTuple):
    """What a folder holds.

    backlog: what is not published.  tree, snapshot: the newest state.  public: the
    state that the public checkpoint names, under its own note; None before the first.
    """

    backlog: Backlog
    tree: Tree
    snapshot: Snapshot
    public: Snapshot | None


def recover(
    signer: HeadSigner,
    journal: Journal,
    objects: Objects,
    index: Index,
    *,
    backlog_bytes: int,
) -> Recovered:
    """Return the newest state; signs nothing but the head of a new log.

    Raises CorruptError if the folder does not hold one whole log of `signer`.
    """
    published = _published(signer, objects)
    stored = _stored(signer, objects, published)
    head = journal.head()
    if head is None:
        if stored.size:
            raise CorruptError("the journal", "has no head, but a checkpoint is public")
        head = Head(0, signer.sign(0, EMPTY_ROOT))
        journal.commit(None, head, None, 0)
    newest = _open(signer, head.note, "the journal's head")
    if head.size != newest.size:
        raise CorruptError("the journal's head", f"is stored as {head.size}")
    if stored.size > newest.size:
        raise CorruptError("the journal", f"ends below the public {stored.size}")
    if index.complete_to > newest.size:
        raise CorruptError("the index", "is ahead of the log: remove it, then start")
    tree = _tree_at(stored, objects)
    snapshot = snapshot_of(tree, stored.root, head.note)
    _catch_up(index, objects, snapshot)
    backlog = Backlog(snapshot, backlog_bytes)
    for batch in _unpublished(journal, stored.size):
        tree, snapshot = _replay(batch, tree, head.note, backlog)
    if (snapshot.size, snapshot.root) != (newest.size, newest.root):
        raise CorruptError("the journal", f"does not lead to its head of {head.size}")
    public = None
    if note := objects.checkpoint():
        public = snapshot_of(_tree_at(published, objects), published.root, note)
    return Recovered(backlog, tree, snapshot, public)


def sign_anew(signer: HeadSigner, journal: Journal, recovered: Recovered) -> Recovered:
    """Sign the newest head again if keys were added or removed since."""
    snapshot = recovered.snapshot
    lines = {(line.name, line.key_id) for line in parse_note(snapshot.note).signatures}
    if lines == {(key.name, key.key_id) for key in signer.verifiers}:
        return recovered
    resigned = Head(snapshot.size, signer.sign(snapshot.size, snapshot.root))
    journal.commit(Head(snapshot.size, snapshot.note), resigned, None, 0)
    snapshot = replace(snapshot, note=resigned.note)
    recovered.backlog.add(snapshot, {}, (), ())
    return recovered._replace(snapshot=snapshot)


def _replay(
    batch: StoredBatch, tree: Tree, note: bytes, backlog: Backlog
) -> tuple[Tree, Snapshot]:
    """Let the tree grow by a journal's batch, as its commit did."""
    where = f"the journal's batch at {batch.start}"
    if batch.start != tree.frontier.size:
        raise CorruptError(where, f"does not follow on {tree.frontier.size}")
    try:
        entries = parse_bundle(batch.entries, batch.end - batch.start)
    except FormatError as error:
        raise CorruptError(where, str(error)) from error
    if not entries:
        raise CorruptError(where, "is empty")
    leaf_hashes = hashing.hash_leaves(entries)
    growth = grow(tree, entries, leaf_hashes)
    snapshot = snapshot_of(growth.tree, growth.extension.root, note)
    backlog.add(snapshot, growth.full, entries, hashing.split_hashes(leaf_hashes))
    return growth.tree, snapshot


def _published(signer: HeadSigner, objects: Objects) -> Checkpoint:
    note = objects.checkpoint()
    if note is None:
        return Checkpoint(signer.origin, 0, EMPTY_ROOT)
    return _open(signer, note, "the public checkpoint")


def _open(signer: HeadSigner, note: bytes, where: str) -> Checkpoint:
    try:
        return open_checkpoint(note, *signer.verifiers)
    except (FormatError, SignatureError) as error:
        raise CorruptError(where, str(error)) from error


def _stored(signer: HeadSigner, objects: Objects, published: Checkpoint) -> Checkpoint:
    """Return the head up to which tiles are durable."""
    note = objects.stored_head()
    if note is None:
        return published
    stored = _open(signer, note, "the stored head")
    return stored if stored.size > published.size else published


def _tree_at(published: Checkpoint, objects: Objects) -> Tree:
    """Read the right edge of the published tree from its tiles."""
    size = published.size
    if size == 0:
        return EMPTY_TREE
    try:
        edges = {it: _read(objects, it) for it in edge_tiles(size) if it.width}
        frontier = frontier_from_tiles(size, edges)
        opened: list[bytes] = []
        if width := size % TILE_WIDTH:
            bundle = Tile(ENTRIES, size // TILE_WIDTH, width)
            opened = parse_bundle(_read(objects, bundle), width)
    except (OSError, ValueError, FormatError) as error:
        raise CorruptError("the tiles of the public checkpoint", str(error)) from error
    if frontier.root != published.root:
        raise CorruptError("the tiles of the public checkpoint", "have another root")
    if hashing.hash_leaves(opened) != frontier.edges[0]:
        raise CorruptError("the tiles of the public checkpoint", "2 of them differ")
    return Tree(frontier, tuple(opened))


def _read(objects: Objects, tile: Tile) -> bytes:
    """Read an incomplete tile, or the beginning of the full one that replaced it."""
    try:
        return objects.read(tile)
    except FileNotFoundError:
        full = objects.read(tile.full)
    if tile.level == ENTRIES:
        return encode_bundle(parse_bundle(full, TILE_WIDTH)[: tile.width])
    return full[: tile.width * HASH_SIZE]


def _unpublished(journal: Journal, published_size: int) -> Iterator[StoredBatch]:
    return (batch for batch in journal.batches() if batch.start >= published_size)


def _catch_up(index: Index, objects: Objects, snapshot: Snapshot) -> None:
    """Write the published entries that the index lacks."""
    if index.complete_to < snapshot.size:
        log_event("indexing", start=index.complete_to, end=snapshot.size)
    while (start := index.complete_to) < snapshot.size:
        end = min((start // _INDEX_ENTRIES + 1) * _INDEX_ENTRIES, snapshot.size)
        entries = _published_entries(objects, snapshot, start, end)
        leaf_hashes = hashing.split_hashes(hashing.hash_leaves(entries))
        index.add(leaf_hashes, [search_keys(entry) for entry in entries])


def _published_entries(
    objects: Objects, snapshot: Snapshot, start: int, end: int
) -> list[bytes]:
    entries: list[bytes] = []
    for nth in range(start // TILE_WIDTH, (end + TILE_WIDTH - 1) // TILE_WIDTH):
        if nth == snapshot.size // TILE_WIDTH:
            entries += snapshot.open_entries
            continue
        entries += _full_bundle(objects, nth)
    first = start // TILE_WIDTH * TILE_WIDTH
    return entries[start - first : end - first]


def _full_bundle(objects: Objects, nth: int) -> list[bytes]:
    """Read a full bundle; its tile says whether it is whole."""
    bundle = Tile(ENTRIES, nth)
    try:
        entries = parse_bundle(objects.read(bundle), TILE_WIDTH)
        leaf_hashes = objects.read(Tile(0, nth))
    except (OSError, FormatError) as error:
        raise CorruptError(bundle.path, str(error)) from error
    if hashing.hash_leaves(entries) != leaf_hashes:
        raise CorruptError(bundle.path, "is not that of its tile")
    return entries
