"""A stopped log's hash tiles and index, written anew in its folder."""

import shutil
from pathlib import Path
from typing import NamedTuple

from tlog.durable.disk import SystemDisk
from tlog.errors import MISSING, CorruptError, RejectedError, telling_machine_trouble
from tlog.folders import open_up
from tlog.log.sequencer.rebuild import rebuild
from tlog.log.storage.folder import FolderLayout, LogFolder
from tlog.log.storage.index import Index
from tlog.log.storage.journal import StoredBatch
from tlog.log.storage.stores_folder import folder_journal, folder_objects
from tlogverify.bundles import Progress
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import parse_verifier_key
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import Tile


class Rebuilt(NamedTuple):
    """checkpoint: that the bundles lead to.  mended: bundles from the journal."""

    checkpoint: Checkpoint
    mended: list[Tile]


def rebuild_log(root: Path, progress: Progress) -> Rebuilt:
    """Write the hash tiles and the index of a stopped log anew, from its bundles.

    A damaged bundle whose entries the journal holds is written anew from there.  Raises
    CorruptError and changes nothing if all that does not lead to the public checkpoint,
    MachineError if the machine has no room for it.
    """
    with telling_machine_trouble():
        return _rebuild_log(root, progress)


def _rebuild_log(root: Path, progress: Progress) -> Rebuilt:
    if not FolderLayout(root).format_file.exists():
        raise RejectedError(f"{root} is not a log's folder")
    with LogFolder(root) as folder:
        layout = folder.layout
        objects = folder_objects(layout, SystemDisk())
        open_up(layout.public)
        try:
            lines = layout.vkey_file.read_bytes().split()
        except MISSING as error:
            raise CorruptError("log.vkey", str(error)) from error
        keys = [parse_verifier_key(line) for line in lines]
        try:
            checkpoint = open_checkpoint(objects.checkpoint() or b"", *keys)
        except (FormatError, SignatureError) as error:
            raise CorruptError("public/checkpoint", str(error)) from error
        fresh = layout.index.with_name("index.new")
        shutil.rmtree(fresh, ignore_errors=True)
        batches = _journal_batches(layout)
        index = Index(fresh)
        try:
            mended = rebuild(checkpoint, objects, batches, index, progress)
        except BaseException:
            index.close()
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        index.close()
        shutil.rmtree(layout.index, ignore_errors=True)
        fresh.rename(layout.index)
        return Rebuilt(checkpoint, mended)


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
