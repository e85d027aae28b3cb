"""One run of a backup: what is new is copied, proven and named, in this order.

    1  the state of the log is read, as of one moment      nothing is written
    2  new bundles, each durable                           the place claims the old head
    3  the entries must lead to the head                   else the run ends here
    4  small files, then documents                         the place claims the old head
    5  copy.json                                           <- the commit point
    6  what it no longer names is removed

A run that is ended anywhere is resumed by the next one: bundles that are there already
are compared and not written again.
"""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog import hashing
from tlog.backup.documents import mirror_documents
from tlog.backup.place import Copy, Place, open_head, read_keys
from tlog.backup.source import Source, read_source
from tlog.errors import CorruptError, RejectedError
from tlog.folders import PRIVATE_FILE, PRIVATE_FOLDER, make_folders, write_whole
from tlog.fsck.peaks import Peaks
from tlogverify.bundles import Progress
from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import ENTRIES, FULL_TILE_BYTES, TILE_WIDTH, Tile

_STEP_BUNDLES: Final = 64
_NOT_COPIED: Final = ("lock", "format", "journal.db", "stored")
"""What a restore makes anew; of the journal also what lies beside it."""


@dataclass(frozen=True, slots=True)
class Backed:
    """What a run has done.

    head: that the place holds now.  written: bundles.  documents: copied in this run.
    damaged: documents that have changed, and were not copied.
    """

    head: Checkpoint
    before: int
    written: int
    documents: int
    damaged: tuple[str, ...]


def back_up(root: Path, to: Path, progress: Progress) -> Backed:
    """Bring the copy at `to` up to the present head of the log in `root`.

    Raises RejectedError if `root` is no log's folder or `to` holds something else,
    CorruptError if the log's entries do not lead to its head, or are behind the copy.
    """
    source = read_source(root)
    place = Place(to, makes=True)
    try:
        return _Run(source, place, progress).go()
    finally:
        place.close()


class _Run:
    """One run, with what it has found."""

    def __init__(self, source: Source, place: Place, progress: Progress) -> None:
        self._source = source
        self._place = place
        self._progress = progress
        self._durable = place.durable()
        self._written = 0

    def go(self) -> Backed:
        source, place = self._source, self._place
        held = place.read()
        old = None if held is None else self._open_held(held)
        peaks = self._copy_bundles(held, old)
        self._copy_files()
        copied, damaged = mirror_documents(source.root / "documents", place.documents)
        place.replace(Copy(source.note, source.shown, peaks))
        self._drop_old(old)
        before = 0 if old is None else old.size
        return Backed(source.head, before, self._written, copied, damaged)

    def _open_held(self, held: Copy) -> Checkpoint:
        """Return the head of the copy that is there; the log must not be behind it."""
        head = self._source.head
        # A key that has retired since signed the copy's head, and no newer one.
        keys = [*read_keys(self._place.files), *self._source.keys]
        if held.note.partition(b"\n")[0] != head.origin.encode():
            raise RejectedError(f"{self._place.root} holds a copy of another log")
        old = open_head(held.note, keys, "the copy's head")
        if old.size > head.size:
            raise CorruptError(
                str(self._source.root),
                f"has {head.size} entries, and its copy has {old.size}: it was rolled "
                "back; do not let it write",
            )
        return old

    def _copy_bundles(
        self, held: Copy | None, old: Checkpoint | None
    ) -> tuple[tuple[int, bytes], ...]:
        """Copy what is new; return the peaks of the full bundles."""
        head = self._source.head
        peaks = Peaks() if held is None else held.grown()
        full, waiting = peaks.roots, dict[Path, bytes]()
        for nth in range(peaks.size // TILE_WIDTH, -(-head.size // TILE_WIDTH)):
            content, leaf_hashes = self._source.bundle(nth)
            if old is not None and old.size < (nth + 1) * TILE_WIDTH:
                self._require_same(peaks, leaf_hashes, old)
                old = None
            if len(leaf_hashes) == FULL_TILE_BYTES:
                peaks.push(8, hashing.subtree_roots(leaf_hashes))
                full = peaks.roots
            else:
                for leaf_hash in hashing.split_hashes(leaf_hashes):
                    peaks.push(0, leaf_hash)
            waiting |= self._unwritten(nth, content, len(leaf_hashes) // HASH_SIZE)
            if len(waiting) == _STEP_BUNDLES:
                self._write(waiting)
            self._progress(peaks.size, head.size)
        self._write(waiting)
        if peaks.root() != head.root or (old is not None and old.root != head.root):
            raise CorruptError(
                str(self._source.root), "its entries do not lead to its signed head"
            )
        return full

    def _require_same(self, before: Peaks, leaf_hashes: bytes, old: Checkpoint) -> None:
        """Require that the log still has the history of the copy."""
        then = deepcopy(before)
        for leaf_hash in hashing.split_hashes(leaf_hashes):
            if then.size < old.size:
                then.push(0, leaf_hash)
        if then.root() != old.root:
            raise CorruptError(
                str(self._source.root),
                f"its first {old.size} entries are not those that its copy has",
            )

    def _unwritten(self, nth: int, content: bytes, width: int) -> dict[Path, bytes]:
        path = self._place.path(Tile(ENTRIES, nth, width))
        if path.exists() and path.read_bytes() == content:
            return {}
        return {path: content}

    def _write(self, waiting: dict[Path, bytes]) -> None:
        self._durable.put(waiting)
        self._written += len(waiting)
        waiting.clear()

    def _copy_files(self) -> None:
        """Copy keys and small files; what the log no longer has goes from the copy."""
        root, files = self._source.root, self._place.files
        found = [it for it in root.iterdir() if it.is_file()]
        found += (root / "keys").iterdir()
        names = {
            it.relative_to(root)
            for it in found
            if not it.name.startswith((*_NOT_COPIED, "."))
        }
        for name in sorted(names):
            make_folders((files / name).parent, PRIVATE_FOLDER)
            content = (root / name).read_bytes()
            copied = files / name
            if not copied.exists() or copied.read_bytes() != content:
                write_whole(copied, content, mode=PRIVATE_FILE)
        for copied in [it for it in files.rglob("*") if it.is_file()]:
            if copied.relative_to(files) not in names:
                copied.unlink()

    def _drop_old(self, old: Checkpoint | None) -> None:
        """Remove the incomplete bundle of the head before, if it is another."""
        if old is None or old.size in (0, self._source.head.size):
            return
        if width := old.size % TILE_WIDTH:
            bundle = Tile(ENTRIES, old.size // TILE_WIDTH, width)
            self._place.path(bundle).unlink(missing_ok=True)
