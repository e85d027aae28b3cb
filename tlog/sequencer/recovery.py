"""From a folder to the state to go on from; the first start is the simplest case.

    objects    what the public checkpoint names is durable: the tree grows from there
    journal    batches above it grow the tree as their commit did, into the backlog
    head       the tree must be the one that was signed last
    index      what it lacks is written anew, from bundles

Whatever does not fit is a CorruptError: nothing is repaired by guessing.
"""

from collections.abc import Iterator

from tlog import hashing
from tlog.checkpoint.backlog import Backlog
from tlog.errors import CorruptError
from tlog.logs import log_event
from tlog.merkle.frontier import edge_tiles, frontier_from_tiles
from tlog.merkle.snapshot import Snapshot
from tlog.sequencer.commit import snapshot_of
from tlog.sequencer.growth import EMPTY_TREE, Tree, grow
from tlog.signing import HeadSigner
from tlog.storage.index import Index
from tlog.storage.journal import Head, Journal, StoredBatch
from tlog.storage.objects import Objects
from tlogverify.bundles import parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import EMPTY_ROOT
from tlogverify.note import parse_note
from tlogverify.record import record_digests
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_INDEX_ENTRIES = 64 * TILE_WIDTH


def recover(
    signer: HeadSigner,
    journal: Journal,
    objects: Objects,
    index: Index,
    *,
    backlog_bytes: int,
) -> tuple[Backlog, tuple[Tree, Snapshot]]:
    """Return the backlog of what is not published, and the newest state.

    Raises CorruptError if the folder does not hold one whole log of `signer`.
    """
    published = _published(signer, objects)
    head = journal.head()
    if head is None:
        if published.size:
            raise CorruptError("the journal", "has no head, but a checkpoint is public")
        head = Head(0, signer.sign(0, EMPTY_ROOT))
        journal.commit(None, head, None, 0)
    head = _signed_by_all(signer, journal, head)
    newest = _open(signer, head.note, "the journal's head")
    if head.size != newest.size:
        raise CorruptError("the journal's head", f"is stored as {head.size}")
    if published.size > newest.size:
        raise CorruptError("the journal", f"ends below the public {published.size}")
    if index.complete_to > newest.size:
        raise CorruptError("the index", "is ahead of the log: remove it, then start")
    tree = _tree_at(published, objects)
    snapshot = snapshot_of(tree, published.root, head.note)
    _catch_up(index, objects, snapshot)
    backlog = Backlog(snapshot, backlog_bytes)
    for batch in _unpublished(journal, published.size):
        tree, snapshot = _replay(batch, tree, head.note, backlog)
    if (snapshot.size, snapshot.root) != (newest.size, newest.root):
        raise CorruptError("the journal", f"does not lead to its head of {head.size}")
    return backlog, (tree, snapshot)


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


def _signed_by_all(signer: HeadSigner, journal: Journal, head: Head) -> Head:
    """Sign the newest head again if keys were added or removed since."""
    checkpoint = _open(signer, head.note, "the journal's head")
    lines = {(line.name, line.key_id) for line in parse_note(head.note).signatures}
    if lines == {(key.name, key.key_id) for key in signer.verifiers}:
        return head
    resigned = Head(head.size, signer.sign(checkpoint.size, checkpoint.root))
    journal.commit(head, resigned, None, 0)
    return resigned


def _tree_at(published: Checkpoint, objects: Objects) -> Tree:
    """Read the right edge of the published tree from its tiles."""
    size = published.size
    if size == 0:
        return EMPTY_TREE
    try:
        edges = {it: objects.read(it) for it in edge_tiles(size) if it.width}
        frontier = frontier_from_tiles(size, edges)
        opened: list[bytes] = []
        if width := size % TILE_WIDTH:
            bundle = Tile(ENTRIES, size // TILE_WIDTH, width)
            opened = parse_bundle(objects.read(bundle), width)
    except (OSError, ValueError, FormatError) as error:
        raise CorruptError("the tiles of the public checkpoint", str(error)) from error
    if frontier.root != published.root:
        raise CorruptError("the tiles of the public checkpoint", "have another root")
    if hashing.hash_leaves(opened) != frontier.edges[0]:
        raise CorruptError("the tiles of the public checkpoint", "2 of them differ")
    return Tree(frontier, tuple(opened))


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
        index.add(leaf_hashes, [record_digests(entry) for entry in entries])


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
