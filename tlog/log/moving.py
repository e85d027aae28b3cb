"""A log moves between its folder and stores that nodes share, and stays the same log.

The same entries at the same indexes, the same bytes of its heads.  In this order:

    mark      the target, so that nobody serves what is half there
    prove     the bundles lead to all heads, those included that a target has already
    copy      tiles and bundles, then the public head: all of it again after a crash
    mark      the source: nobody writes it from here on
    commit    the signed head and the batches above the tiles: now the target is the
              log; with what witnesses have said, and which keys there have been
    unmark    the target

A crash anywhere leaves at most one place that serves, and the same call goes on.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tlog.durable.disk import SystemDisk
from tlog.errors import CorruptError, FatalError, RejectedError
from tlog.log.merkle.tree import EMPTY_TREE, Tree
from tlog.log.publishing.publisher import missing_edge
from tlog.log.rebuilding import read_log_keys, refuse_to_wait
from tlog.log.sequencer.rebuild import BundleReader, growths
from tlog.log.sequencer.recovery import replay
from tlog.log.storage.folder import FolderLayout, LogFolder
from tlog.log.storage.journal import Journal, SignedHead, StoredBatch
from tlog.log.storage.kept import FolderText, KeptText
from tlog.log.storage.moved import FolderMoved, Moved
from tlog.log.storage.objects import Objects
from tlog.log.storage.stores import OpenStores
from tlog.log.storage.stores_folder import folder_journal, folder_objects
from tlogverify.bundles import Progress
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import EMPTY_ROOT
from tlogverify.keys import VerifierKey
from tlogverify.signed import open_checkpoint


class Side(NamedTuple):
    """One of the two places of a log."""

    journal: Journal
    objects: Objects
    contradictions: KeptText
    eras: KeptText
    moved: Moved


class Arrived(NamedTuple):
    """A log that has moved: its name, its size, and how many entries are published."""

    origin: str
    size: int
    published_size: int


class Moving:
    """One log on its way, which nobody else may write; first `copy`, then `finish`."""

    def __init__(self, keys: list[VerifierKey], source: Side, target: Side) -> None:
        self._keys = keys
        self._source = source
        self._target = target
        self._head = self._require_head()
        self._public = self._open(source.objects.checkpoint(), "the public checkpoint")
        stored = self._open(source.objects.stored_head(), "the stored head")
        self._durable = max(self._public, stored, key=lambda head: head.size)
        self._signed = self._open(self._head.note, "the journal's head")
        self._batch: StoredBatch | None = None

    def copy(self, progress: Progress) -> None:
        """Mark the target and copy all that is public, once it is proven.

        Raises RejectedError if the target holds another log or the source has moved,
        CorruptError if the source is damaged: nothing is copied then.
        """
        source, target = self._source, self._target
        arrived = self._require_same_log()
        target.moved.put(is_set=True)
        public, durable = self._prove(arrived, progress)
        try:
            size = self._durable.size
            for growth, _ in growths(size, BundleReader(source.objects, (), size)):
                target.objects.put(growth.full)
                target.objects.drop_partials(growth.full)
                progress(growth.tree.size, size)
            target.objects.put(durable.edge_tiles())
            target.objects.put(missing_edge(public, durable))
        except FatalError as error:
            raise RejectedError(f"the target holds another log: {error}") from error
        self._copy_heads()

    def finish(self) -> Arrived:
        """Commit at the target what `copy` has brought there, and let it be served.

        Raises CorruptError if the target does not give back what was committed,
        FatalError if nobody knows whether it was.
        """
        source, target, head = self._source, self._target, self._head
        source.moved.put(is_set=True)
        batch = self._batch
        old = target.journal.head()
        if old != head:
            target.journal.commit(old, head, batch, self._durable.size)
        kept = [*target.journal.batches(self._durable.size)]
        if target.journal.head() != head or kept != [*filter(None, [batch])]:
            raise CorruptError("the target", "does not give back what was committed")
        said = source.contradictions.read() or b""
        if said != (target.contradictions.read() or b""):
            target.contradictions.write(said)
        eras = source.eras.read()
        if eras is not None and eras != target.eras.read():
            target.eras.write(eras)
        target.moved.put(is_set=False)
        return Arrived(self._keys[0].name, head.size, self._public.size)

    def _require_head(self) -> SignedHead:
        head = self._source.journal.head()
        if head is None:
            raise RejectedError("there is no log to move: nothing was ever signed here")
        return head

    def _require_same_log(self) -> list[Checkpoint]:
        """Return the heads that an earlier run, or an earlier move, left at the target.

        They are still to be proven.
        """
        target = self._target
        head, note = target.journal.head(), target.objects.checkpoint()
        is_marked = target.moved.is_set
        if self._source.moved.is_set and not is_marked:
            raise RejectedError("this log has moved already: it lies at the target")
        if not is_marked and (head is not None or note is not None):
            raise RejectedError("the target holds a log: nothing was changed")
        found = [self._open_other(note)]
        if head is not None and head != self._head:
            found.append(self._open_other(head.note))
        if any(it.size > self._durable.size for it in found):
            raise RejectedError("the target holds a longer log: nothing was changed")
        return found

    def _open_other(self, note: bytes | None) -> Checkpoint:
        try:
            return self._open(note, "the target's head")
        except CorruptError as error:
            raise RejectedError(f"the target holds another log: {error}") from error

    def _prove(
        self, arrived: list[Checkpoint], progress: Progress
    ) -> tuple[Tree, Tree]:
        """Return the trees of the public and of the stored head; keep the last batch.

        Raises RejectedError if a head that has arrived is of another tree.
        """
        heads, size = [self._public, self._durable], self._durable.size
        wanted = {it.size for it in (*heads, *arrived)}
        trees = {0: EMPTY_TREE}
        bundles = BundleReader(self._source.objects, (), size)
        for growth, _ in growths(size, bundles, wanted):
            if growth.tree.size in wanted:
                trees[growth.tree.size] = growth.tree
            progress(growth.tree.size, size)
        for head in heads:
            if trees[head.size].root != head.root:
                raise CorruptError("the bundles", f"do not lead to size {head.size}")
        for head in arrived:
            if trees[head.size].root != head.root:
                raise RejectedError("the target holds another history of this log")
        self._batch = self._join_batches(trees[size])
        return trees[self._public.size], trees[size]

    def _join_batches(self, tree: Tree) -> StoredBatch | None:
        """Return what lies above the tiles as one batch; it must lead to the head."""
        start, bundles = tree.size, list[bytes]()
        for batch in self._source.journal.batches(start):
            growth, _ = replay(batch, tree)
            tree = growth.tree
            bundles.append(batch.entries)
        if (tree.size, tree.root) != (self._signed.size, self._signed.root):
            raise CorruptError(
                "the journal", f"does not lead to its head of {self._signed.size}"
            )
        return StoredBatch(start, tree.size, b"".join(bundles)) if bundles else None

    def _copy_heads(self) -> None:
        """Copy the notes that are public, byte by byte, where they are not there."""
        source, target = self._source.objects, self._target.objects
        stored, public = source.stored_head(), source.checkpoint()
        if stored is not None and stored != target.stored_head():
            target.replace_stored(stored)
        if public is not None and public != target.checkpoint():
            target.replace_checkpoint(public)

    def _open(self, note: bytes | None, where: str) -> Checkpoint:
        if note is None:
            return Checkpoint(self._keys[0].name, 0, EMPTY_ROOT)
        try:
            return open_checkpoint(note, *self._keys)
        except (FormatError, SignatureError) as error:
            raise CorruptError(where, str(error)) from error


@contextmanager
def open_moving(root: Path, open_stores: OpenStores, *, back: bool) -> Iterator[Moving]:
    """Open both places of a stopped log.

    root: its folder, or that of a node.  back: from the stores into the folder.

    Raises RejectedError if there is no log, or one that runs.
    """
    layout = FolderLayout(root)
    if not (layout.vkey_file if back else layout.format_file).exists():
        raise RejectedError(f"{root} is not the folder of a log or of its node")
    with ExitStack() as opened:
        folder = opened.enter_context(LogFolder(root))
        if not back and not layout.journal.exists():
            raise RejectedError(f"{root} holds no log: it is the folder of a node")
        keys = read_log_keys(layout)
        stores = open_stores(folder, SystemDisk(), keys[0].name)
        opened.callback(stores.close)
        stores.tenure.take(refuse_to_wait())
        journal = folder_journal(layout)
        opened.callback(journal.close)
        here = Side(
            journal,
            folder_objects(layout, SystemDisk()),
            FolderText(layout.contradictions),
            FolderText(layout.eras),
            FolderMoved(layout.moved),
        )
        there = Side(
            stores.journal,
            stores.objects,
            stores.contradictions,
            stores.eras,
            stores.moved,
        )
        yield Moving(keys, there, here) if back else Moving(keys, here, there)
