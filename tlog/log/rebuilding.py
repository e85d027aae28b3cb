"""A stopped log's hash tiles and index, written anew where they lie."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tlog.durable.disk import SystemDisk
from tlog.errors import MISSING, CorruptError, RejectedError, telling_machine_trouble
from tlog.folders import open_up
from tlog.log.sequencer.rebuild import rebuild
from tlog.log.storage.folder import FolderLayout, LogFolder
from tlog.log.storage.index import Index
from tlog.log.storage.journal import StoredBatch
from tlog.log.storage.objects import Objects
from tlog.log.storage.stores import OpenStores
from tlog.log.storage.stores_folder import folder_journal, folder_objects
from tlogverify.bundles import Progress
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import VerifierKey, parse_verifier_key
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import Tile


class Rebuilt(NamedTuple):
    """checkpoint: that the bundles lead to.  mended: bundles from the journal."""

    checkpoint: Checkpoint
    mended: list[Tile]


def rebuild_log(
    root: Path, progress: Progress, open_stores: OpenStores | None = None
) -> Rebuilt:
    """Write the hash tiles and the index of a stopped log anew, from its bundles.

    root: the log's folder, or that of a node.  open_stores: of stores that nodes share,
    whose database takes the journal's place; no node may write meanwhile.

    A damaged bundle whose entries the journal holds is written anew from there.  Raises
    CorruptError and changes nothing if all that does not lead to the public checkpoint,
    RejectedError if the log runs, MachineError if the machine has no room for it.
    """
    with telling_machine_trouble():
        if not FolderLayout(root).format_file.exists():
            raise RejectedError(f"{root} is not a log's folder")
        if open_stores is None:
            return _rebuild_folder(root, progress)
        return _rebuild_shared(root, progress, open_stores)


def _rebuild_folder(root: Path, progress: Progress) -> Rebuilt:
    with LogFolder(root) as folder:
        layout = folder.layout
        objects = folder_objects(layout, SystemDisk())
        open_up(layout.public)
        keys = read_log_keys(layout)
        with _new_index(layout) as index:
            batches = _journal_batches(layout)
            return _rebuild(keys, objects, batches, index, progress)


def _rebuild_shared(root: Path, progress: Progress, open_stores: OpenStores) -> Rebuilt:
    with LogFolder(root) as folder:
        keys = read_log_keys(folder.layout)
        stores = open_stores(folder, SystemDisk(), keys[0].name)
        try:
            # From here on the nodes that start wait.
            stores.tenure.take(refuse_to_wait())
            # It must be closed before another one takes its place.
            stores.index.close()
            batches = stores.journal.batches()
            with _new_index(folder.layout) as index:
                return _rebuild(keys, stores.objects, batches, index, progress)
        finally:
            stores.close()


def refuse_to_wait() -> Callable[[], None]:
    """Return what a tenure calls meanwhile, to raise RejectedError if a node writes.

    The first call comes at once, and a node that ended without a word falls silent
    before the second.
    """
    calls = count()

    def meanwhile() -> None:
        if next(calls):
            raise RejectedError("a node writes this log: stop all nodes first")

    return meanwhile


def read_log_keys(layout: FolderLayout) -> list[VerifierKey]:
    """Return the keys that a log has announced in its folder, at least one."""
    try:
        lines = layout.vkey_file.read_bytes().split()
    except MISSING as error:
        raise CorruptError("log.vkey", str(error)) from error
    if not lines:
        raise CorruptError("log.vkey", "names no key")
    return [parse_verifier_key(line) for line in lines]


def _rebuild(
    keys: list[VerifierKey],
    objects: Objects,
    batches: Iterable[StoredBatch],
    index: Index,
    progress: Progress,
) -> Rebuilt:
    try:
        checkpoint = open_checkpoint(objects.checkpoint() or b"", *keys)
    except (FormatError, SignatureError) as error:
        raise CorruptError("public/checkpoint", str(error)) from error
    mended = rebuild(checkpoint, objects, batches, index, progress)
    return Rebuilt(checkpoint, mended)


@contextmanager
def _new_index(layout: FolderLayout) -> Iterator[Index]:
    """Give an empty index, which takes the old one's place if the body succeeds."""
    fresh = layout.index.with_name("index.new")
    shutil.rmtree(fresh, ignore_errors=True)
    index = Index(fresh)
    try:
        yield index
    except BaseException:
        index.close()
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    index.close()
    shutil.rmtree(layout.index, ignore_errors=True)
    fresh.rename(layout.index)


def _journal_batches(layout: FolderLayout) -> list[StoredBatch]:
    """Return what a journal still holds; nothing if it is missing or damaged.

    The journal is no part of what is rebuilt: it need not be whole.
    """
    if not layout.journal.exists():
        return []
    try:
        journal = folder_journal(layout)
        try:
            return list(journal.batches())
        finally:
            journal.close()
    except CorruptError:
        return []
