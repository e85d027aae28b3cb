"""From a folder to the state to go on from; the first start is the simplest case.

    objects    all below the stored head is durable: the tree grows from there
    journal    the batches above it grow the tree as their commit did, into the backlog
    head       the tree must be that of the signed head
    index      what it lacks of the stored entries is written anew, from bundles

Whatever does not fit is a CorruptError: nothing is repaired by guessing.
"""

from typing import NamedTuple, Protocol

from tlog import hashing
from tlog.entries.packed import Packed
from tlog.errors import MISSING, CorruptError
from tlog.log.merkle.frontier import edge_tiles, frontier_from_tiles
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import EMPTY_TREE, Tree
from tlog.log.publishing.backlog import Backlog
from tlog.log.sequencer.growth import Growth, grow
from tlog.log.storage.index import Index
from tlog.log.storage.journal import Journal, SignedHead, StoredBatch
from tlog.log.storage.objects import Objects
from tlog.log.storage.stores import Stores
from tlog.log_lines import log_event
from tlog.signing import HeadSigner
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE
from tlogverify.keys import VerifierKey
from tlogverify.note import parse_note
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_INDEX_ENTRIES = 64 * TILE_WIDTH


class KnownKeys(Protocol):
    """Which log it is, and which keys have signed its heads."""

    @property
    def origin(self) -> str:
        """Return the log's name."""
        ...

    @property
    def known_keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys that sign, and those that have retired."""
        ...


class Recovered(NamedTuple):
    """What a folder holds; `tlog.log.merkle.snapshot` says which head is which.

    backlog: what lies above the stored head.  public: under the public checkpoint's own
    note, so with its cosignatures; None before the first checkpoint.
    """

    backlog: Backlog
    signed: Snapshot
    public: Snapshot | None


def recover(
    signer: HeadSigner,
    stores: Stores,
    *,
    backlog_bytes: int,
    offers_all: bool,
) -> Recovered:
    """Return the state to go on from; signs nothing but the head of a new log.

    backlog_bytes, offers_all: as of the backlog.

    Raises CorruptError if the folder does not hold one whole log of `signer`, another
    error if the machine cannot read it.
    """
    journal, objects, index = stores.journal, stores.objects, stores.index
    public = public_head(signer, objects)
    stored = stored_head(signer, objects, public)
    head = journal.head()
    if head is None:
        if stored.size:
            raise CorruptError("the journal", "has no head, but a checkpoint is public")
        head = SignedHead(0, signer.sign(0, EMPTY_ROOT))
        journal.commit(None, head, None, 0)
    signed = open_head(signer, head.note, "the journal's head")
    if head.size != signed.size:
        raise CorruptError("the journal's head", f"is stored as {head.size}")
    if stored.size > signed.size:
        raise CorruptError("the journal", f"ends below the stored {stored.size}")
    if index.complete_to > signed.size:
        raise CorruptError(
            "the index",
            f"is ahead of the log of {signed.size} entries: it knows of "
            f"{index.complete_to}, which somebody may have been shown",
        )
    snapshot = Snapshot(head.note, tree_at(stored, objects))
    catch_up(index, objects, snapshot.tree)
    backlog = Backlog(snapshot, backlog_bytes, offers_all=offers_all)
    for batch in journal.batches():
        if batch.start >= stored.size:
            snapshot = _replay(batch, snapshot, backlog)
    if (snapshot.size, snapshot.root) != (signed.size, signed.root):
        raise CorruptError("the journal", f"does not lead to its head of {head.size}")
    note = objects.checkpoint()
    shown = None if note is None else Snapshot(note, tree_at(public, objects))
    return Recovered(backlog, snapshot, shown)


def keep_index(keys: KnownKeys, stores: Stores) -> None:
    """Write into the index what it lacks of the published entries.

    For a process that does not write yet; raises as `recover`.
    """
    public = public_head(keys, stores.objects)
    if stores.index.complete_to < public.size:
        catch_up(stores.index, stores.objects, tree_at(public, stores.objects))


def sign_anew(signer: HeadSigner, journal: Journal, recovered: Recovered) -> Recovered:
    """Sign the newest head again if keys were added or removed since."""
    old = recovered.signed
    lines = {(line.name, line.key_id) for line in parse_note(old.note).signatures}
    if lines == {(key.name, key.key_id) for key in signer.verifier_keys}:
        return recovered
    new = Snapshot(signer.sign(old.size, old.root), old.tree)
    journal.commit(
        SignedHead(old.size, old.note), SignedHead(new.size, new.note), None, 0
    )
    recovered.backlog.add(new, {}, (), ())
    return recovered._replace(signed=new)


def _replay(batch: StoredBatch, before: Snapshot, backlog: Backlog) -> Snapshot:
    """Let the tree grow by a journal's batch, as its commit did.

    The note stays: it is the newest head's all along, which the tree is growing up to.
    """
    growth, entries = replay(batch, before.tree)
    after = Snapshot(before.note, growth.tree)
    leaf_hashes = hashing.split_hashes(growth.leaf_hashes)
    backlog.add(after, growth.full, entries, leaf_hashes)
    return after


def replay(batch: StoredBatch, tree: Tree) -> tuple[Growth, Packed]:
    """Let a tree grow by a journal's batch; return its growth, and the entries."""
    where = f"the journal's batch at {batch.start}"
    if batch.start != tree.size:
        raise CorruptError(where, f"does not follow on {tree.size}")
    try:
        entries = Packed.parse(batch.entries, batch.end - batch.start)
    except FormatError as error:
        raise CorruptError(where, str(error)) from error
    if not entries:
        raise CorruptError(where, "is empty")
    leaf_hashes = hashing.bundle_leaf_hashes(entries.bundle, len(entries))
    return grow(tree, entries, leaf_hashes), entries


def public_head(keys: KnownKeys, objects: Objects) -> Checkpoint:
    """Return the head of the public checkpoint; of the empty tree if there is none."""
    note = objects.checkpoint()
    if note is None:
        return Checkpoint(keys.origin, 0, EMPTY_ROOT)
    return open_head(keys, note, "the public checkpoint")


def stored_head(keys: KnownKeys, objects: Objects, public: Checkpoint) -> Checkpoint:
    """Return the head up to which tiles are durable."""
    note = objects.stored_head()
    if note is None:
        return public
    stored = open_head(keys, note, "the stored head")
    return stored if stored.size > public.size else public


def open_head(keys: KnownKeys, note: bytes, where: str) -> Checkpoint:
    """Return a head of the log; CorruptError if its note is not signed by it."""
    try:
        return open_checkpoint(note, *keys.known_keys)
    except (FormatError, SignatureError) as error:
        raise CorruptError(where, str(error)) from error


def tree_at(stored: Checkpoint, objects: Objects) -> Tree:
    """Read the right edge of a tree from its tiles, which are durable."""
    size = stored.size
    if size == 0:
        return EMPTY_TREE
    where = f"the tiles of size {size}"
    try:
        edges = {it: _read(objects, it) for it in edge_tiles(size) if it.width}
        frontier = frontier_from_tiles(size, edges)
        opened: list[bytes] = []
        if width := size % TILE_WIDTH:
            bundle = Tile(ENTRIES, size // TILE_WIDTH, width)
            opened = parse_bundle(_read(objects, bundle), width)
    except (*MISSING, ValueError, FormatError) as error:
        raise CorruptError(where, str(error)) from error
    if frontier.root != stored.root:
        raise CorruptError(where, "have another root than the head")
    if hashing.hash_leaves(opened) != frontier.edges[0]:
        raise CorruptError(where, "do not follow from the bundle")
    return Tree(frontier, stored.root, tuple(opened))


def _read(objects: Objects, tile: Tile) -> bytes:
    """Read an incomplete tile, or the beginning of the full one that replaced it."""
    try:
        return objects.read(tile)
    except FileNotFoundError:
        full = objects.read(tile.full)
    if tile.level == ENTRIES:
        return encode_bundle(parse_bundle(full, TILE_WIDTH)[: tile.width])
    return full[: tile.width * HASH_SIZE]


def catch_up(index: Index, objects: Objects, stored: Tree) -> None:
    """Write the stored entries that the index lacks."""
    if index.complete_to < stored.size:
        log_event("indexing", start=index.complete_to, end=stored.size)
    while (start := index.complete_to) < stored.size:
        end = min((start // _INDEX_ENTRIES + 1) * _INDEX_ENTRIES, stored.size)
        entries = _stored_entries(objects, stored, start, end)
        index.add_entries(Packed.of(entries), hashing.hash_leaves(entries))


def _stored_entries(
    objects: Objects, stored: Tree, start: int, end: int
) -> list[bytes]:
    first, last = start // TILE_WIDTH, end // TILE_WIDTH
    entries = _full_bundles(objects, range(first, last))
    if end % TILE_WIDTH:
        entries += stored.open_entries
    return entries[start - first * TILE_WIDTH : end - first * TILE_WIDTH]


def _full_bundles(objects: Objects, numbers: range) -> list[bytes]:
    """Read the entries of full bundles; their tiles say whether they are whole."""
    bundles = [Tile(ENTRIES, nth) for nth in numbers]
    try:
        found = objects.read_many([*bundles, *(Tile(0, nth) for nth in numbers)])
    except MISSING as error:
        raise CorruptError("the stored bundles", str(error)) from error
    entries: list[bytes] = []
    whole = zip(bundles, found[: len(bundles)], found[len(bundles) :], strict=True)
    for bundle, content, leaf_hashes in whole:
        try:
            parsed = parse_bundle(content, TILE_WIDTH)
        except FormatError as error:
            raise CorruptError(bundle.path, str(error)) from error
        if hashing.hash_leaves(parsed) != leaf_hashes:
            raise CorruptError(bundle.path, "is not that of its tile")
        entries += parsed
    return entries
